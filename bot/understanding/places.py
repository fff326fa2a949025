"""Which region a message speaks of, by the names of places: mainland, remote, hmt or abroad.

`hmt` is Hong Kong, Macau and Taiwan.
"""

from __future__ import annotations

from bot.understanding.entity import Reader, rules

# Chinese names by blanks, English ones by commas; each is a regular expression
REMOTE_ZH = """
新疆 西藏 青海 内蒙古? 宁夏 甘肃 乌鲁木齐 拉萨 西宁 呼和浩特 银川 兰州 喀什 伊犁 日喀则 那曲
偏远(?:地区|山区)?
"""
REMOTE_EN = r"""
xinjiang, tibet, qinghai, inner mongolia, ningxia, gansu, urumqi, lhasa, xining, hohhot, lanzhou, kashgar,
remote areas?
"""
HMT_ZH = """
香港 澳门 台湾 港澳台? 台北 高雄 台中 台南 新北 桃园 九龙 新界
"""
HMT_EN = r"""
hong ?kong, hk, maca[uo], taiwan, taipei, kaohsiung, taichung, kowloon
"""
ABROAD_ZH = """
国外 海外 境外 外国 美国 加拿大 英国 法国 德国 意大利 西班牙 葡萄牙 荷兰 比利时 瑞士 瑞典 挪威
丹麦 芬兰 爱尔兰 奥地利 波兰 俄罗斯 乌克兰 土耳其 希腊 日本 韩国 朝鲜 新加坡 马来西亚 泰国 越南
菲律宾 印度尼西亚 印尼 印度 缅甸 柬埔寨 老挝 蒙古国 巴基斯坦 哈萨克斯坦 澳洲 澳大利亚 新西兰
墨西哥 巴西 阿根廷 智利 南非 埃及 尼日利亚 迪拜 阿联酋 沙特 以色列 纽约 洛杉矶 旧金山 西雅图
温哥华 多伦多 伦敦 巴黎 柏林 慕尼黑 米兰 罗马 东京 大阪 首尔 曼谷 吉隆坡 悉尼 墨尔本 莫斯科
欧洲 北美 东南亚 欧盟
"""
ABROAD_EN = r"""
abroad, (?:to|in|from) the us, overseas, internationally, outside (?:of )?china, usa, u\.s\.(?:a\.)?, united states,
america, canada, uk, united kingdom, england, scotland, britain, france, germany, italy, spain, portugal, netherlands,
holland, belgium, switzerland, sweden, norway, denmark, finland, ireland, austria, poland, russia, ukraine,
turkey, greece, japan, (?:south )?korea, singapore, malaysia, thailand, vietnam, philippines, indonesia,
india, australia, new zealand, mexico, brazil, argentina, chile, south africa, egypt, nigeria, dubai, uae,
saudi arabia, israel, new york, los angeles, san francisco, seattle, vancouver, toronto, london, paris,
berlin, munich, milan, tokyo, osaka, seoul, bangkok, kuala lumpur, sydney, melbourne, moscow, europe, the eu,
south-?east asia
"""
MAINLAND_ZH = """
大陆 内地 国内 江浙沪 北京 上海 天津 重庆 广东 广西 江苏 浙江 山东 河南 河北 湖南 湖北 四川
福建 安徽 辽宁 吉林 黑龙江 陕西 山西 江西 云南 贵州 海南 广州 深圳 杭州 南京 苏州 成都 武汉
西安 长沙 郑州 青岛 济南 宁波 厦门 福州 合肥 昆明 南宁 南昌 贵阳 太原 石家庄 沈阳 大连 长春
哈尔滨 佛山 东莞 无锡 温州 泉州 珠海 海口 三亚 常州 烟台 徐州 嘉兴 金华 义乌 绍兴 台州 中山
惠州 桂林 洛阳 保定 唐山 扬州 南通
"""
MAINLAND_EN = r"""
mainland(?: china)?, within china, beijing, shanghai, tianjin, chongqing, guangdong, guangzhou, shenzhen,
hangzhou, nanjing, suzhou, chengdu, wuhan, xi'?an, changsha, zhengzhou, qingdao, jinan, ningbo, xiamen,
dalian, kunming, harbin, sichuan, zhejiang, jiangsu, fujian, hainan, yunnan
"""
PLACES = {
    "remote": (REMOTE_ZH, REMOTE_EN),
    "hmt": (HMT_ZH, HMT_EN),
    "abroad": (ABROAD_ZH, ABROAD_EN),
    "mainland": (MAINLAND_ZH, MAINLAND_EN),
}
PROVINCES = (
    "北京|上海|天津|重庆|广东|广西|江苏|浙江|山东|河南|河北|湖南|湖北|四川|福建|安徽|辽宁|吉林|黑龙江|陕西|山西|江西|云南|贵州|"
    "海南|新疆|西藏|青海|内蒙古?|宁夏|甘肃|香港|澳门|台湾"
)
NO_PLACE = r"(?!码|尺码|版|货|风|牌|[A-Za-z]|路|街|大道|[东西南北中]路)"
"""What stands behind a place's name when a cut, a style or a street is meant."""


def _of(region: str) -> Reader:
    return lambda _: (region, "")


def _either(words: str, between: str | None = None) -> str:
    """Return a pattern of any of the words, which are parted by blanks or by `between`."""
    return "|".join(word.strip() for word in words.strip().split(between))


RULES = rules(
    *(
        ("region", pattern, _of(region))
        for region, (zh, en) in PLACES.items()
        for pattern in (f"(?:{_either(zh)}){NO_PLACE}", rf"(?<![a-z'&])(?:{_either(en, ',')})(?![a-z'&$-])")
    )
)
