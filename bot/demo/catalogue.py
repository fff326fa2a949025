"""What the demo shop 青禾 / Qinghe sells: plain data, one line a product."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

COLOURS: dict[str, tuple[str, str]] = {
    "beige": ("米色", "beige"),
    "black": ("黑色", "black"),
    "blue": ("蓝色", "blue"),
    "brown": ("棕色", "brown"),
    "cream": ("奶油白", "cream"),
    "denim": ("牛仔蓝", "denim blue"),
    "green": ("绿色", "green"),
    "grey": ("灰色", "grey"),
    "khaki": ("卡其色", "khaki"),
    "navy": ("藏青色", "navy"),
    "pink": ("粉色", "pink"),
    "purple": ("紫色", "purple"),
    "red": ("红色", "red"),
    "sky": ("天蓝色", "sky blue"),
    "white": ("白色", "white"),
    "yellow": ("黄色", "yellow"),
}

_SIZES: dict[str, tuple[str, ...]] = {
    "women": ("XS", "S", "M", "L", "XL"),
    "all": ("S", "M", "L", "XL", "XXL"),
    "men": ("M", "L", "XL", "XXL", "3XL"),
    "ladies": ("35", "36", "37", "38", "39", "40"),
    "shoes": ("36", "37", "38", "39", "40", "41", "42", "43", "44"),
    "kids": ("100", "110", "120", "130", "140", "150"),
    "socks": ("35-38", "39-42", "43-46"),
}


@dataclass(frozen=True, slots=True)
class Garment:
    """One product in every colour and size; `sizes` names a row of sizes, `price_yuan` is for all of them."""

    id: str
    name_zh: str
    name_en: str
    category: str
    size_chart: str
    material_zh: str
    material_en: str
    price_yuan: int
    colours: tuple[str, ...]
    sizes: tuple[str, ...]
    returnable: bool = True

    @property
    def care(self) -> tuple[str, str]:
        """What is on its care label, in Chinese and English."""
        return next((care for fibre, care in _CARE.items() if fibre in self.material_en), ("", ""))

    def skus(self) -> list[tuple[str, str, str]]:
        """Return (sku, colour, size) of every variant."""
        return [(f"{self.id}-{colour}-{size}", colour, size) for colour in self.colours for size in self.sizes]


_CARE = {  # by the material that asks for most care
    "leather": ("软布擦拭，避免浸水", "Wipe with a soft cloth, keep out of water"),
    "sole": ("湿布擦净，阴凉处晾干", "Wipe clean with a damp cloth, dry in the shade"),
    "silk": ("30 度以下手洗，不可漂白", "Hand wash below 30 °C, do not bleach"),
    "wool": ("冷水手洗或干洗，平铺晾干", "Hand wash cold or dry clean, dry flat"),
    "cashmere": ("冷水手洗或干洗，平铺晾干", "Hand wash cold or dry clean, dry flat"),
    "down": ("30 度轻柔机洗，低温烘干", "Machine wash gently at 30 °C, tumble dry low"),
    "linen": ("30 度机洗，中温熨烫", "Machine wash at 30 °C, iron warm"),
    "modal": ("30 度以下轻柔机洗", "Machine wash gently below 30 °C"),
    "cotton": ("40 度以下机洗，深浅分开", "Machine wash up to 40 °C with like colours"),
    "polyester": ("30 度机洗，低温熨烫", "Machine wash at 30 °C, iron cool"),
}
_TABLE = """
linen-shirt         | 亚麻衬衫       | Linen Shirt               | tops      | tops     | 亚麻 100%             | 100% linen                    | 199 | white sky green        | all
oxford-shirt        | 牛津纺衬衫     | Oxford Shirt              | tops      | tops     | 棉 100%               | 100% cotton                   | 189 | white blue pink        | men
silk-blouse         | 桑蚕丝上衣     | Silk Blouse               | tops      | tops     | 桑蚕丝 100%           | 100% mulberry silk            | 459 | cream black            | women
basic-tee           | 基础款T恤      | Basic T-shirt             | tops      | tops     | 棉 95% 氨纶 5%        | 95% cotton, 5% elastane       | 79  | white black grey navy  | all
stripe-tee          | 海魂条纹T恤    | Sailor Stripe T-shirt     | tops      | tops     | 棉 100%               | 100% cotton                   | 99  | navy red               | all
hoodie              | 加绒连帽卫衣   | Fleece-lined Hoodie       | tops      | tops     | 棉 70% 聚酯纤维 30%   | 70% cotton, 30% polyester     | 239 | grey black green       | all
sweatshirt          | 圆领卫衣       | Crew-neck Sweatshirt      | tops      | tops     | 棉 85% 聚酯纤维 15%   | 85% cotton, 15% polyester     | 179 | cream purple navy      | all
cashmere-sweater    | 山羊绒毛衣     | Cashmere Sweater          | tops      | tops     | 山羊绒 100%           | 100% cashmere                 | 799 | beige grey red         | women
cable-sweater       | 麻花针织毛衣   | Cable-knit Sweater        | tops      | tops     | 羊毛 60% 腈纶 40%     | 60% wool, 40% acrylic         | 269 | cream brown green      | all
polo                | 珠地网眼POLO衫 | Pique Polo                | tops      | tops     | 棉 100%               | 100% cotton                   | 149 | white navy             | men
straight-jeans      | 直筒牛仔裤     | Straight Jeans            | trousers  | trousers | 棉 99% 氨纶 1%        | 99% cotton, 1% elastane       | 259 | denim black            | all
slim-jeans          | 修身牛仔裤     | Slim Jeans                | trousers  | trousers | 棉 98% 氨纶 2%        | 98% cotton, 2% elastane       | 249 | denim black grey       | women
linen-trousers      | 亚麻阔腿裤     | Wide Linen Trousers       | trousers  | trousers | 亚麻 55% 棉 45%       | 55% linen, 45% cotton         | 229 | beige black            | women
chinos              | 休闲卡其裤     | Chinos                    | trousers  | trousers | 棉 97% 氨纶 3%        | 97% cotton, 3% elastane       | 219 | khaki navy             | men
joggers             | 束脚运动裤     | Joggers                   | trousers  | trousers | 棉 80% 聚酯纤维 20%   | 80% cotton, 20% polyester     | 169 | grey black             | all
suit-trousers       | 羊毛西裤       | Wool Suit Trousers        | trousers  | trousers | 羊毛 98% 氨纶 2%      | 98% wool, 2% elastane         | 389 | grey navy              | men
linen-dress         | 亚麻连衣裙     | Linen Dress               | dresses   | dresses  | 亚麻 100%             | 100% linen                    | 359 | blue white green       | women
floral-dress        | 碎花雪纺连衣裙 | Floral Chiffon Dress      | dresses   | dresses  | 聚酯纤维 100%         | 100% polyester                | 299 | blue pink yellow       | women
denim-dress         | 牛仔连衣裙     | Denim Dress               | dresses   | dresses  | 棉 100%               | 100% cotton                   | 329 | denim black            | women
knit-dress          | 针织连衣裙     | Knitted Dress             | dresses   | dresses  | 羊毛 50% 粘纤 50%     | 50% wool, 50% viscose         | 399 | navy brown             | women
silk-dress          | 真丝吊带连衣裙 | Silk Slip Dress           | dresses   | dresses  | 桑蚕丝 93% 氨纶 7%    | 93% mulberry silk, 7% elastane| 689 | sky black              | women
shirt-dress         | 衬衫连衣裙     | Shirt Dress               | dresses   | dresses  | 棉 100%               | 100% cotton                   | 289 | blue white             | women
pleated-skirt       | 百褶半身裙     | Pleated Skirt             | dresses   | dresses  | 聚酯纤维 100%         | 100% polyester                | 199 | grey pink black        | women
evening-dress       | 丝绒晚礼裙     | Velvet Evening Dress      | dresses   | dresses  | 聚酯纤维 92% 氨纶 8%  | 92% polyester, 8% elastane    | 599 | red purple             | women
trench-coat         | 经典风衣       | Classic Trench Coat       | outerwear | tops     | 棉 65% 聚酯纤维 35%   | 65% cotton, 35% polyester     | 599 | khaki black navy       | all
wool-coat           | 双面羊毛大衣   | Double-faced Wool Coat    | outerwear | tops     | 羊毛 90% 山羊绒 10%   | 90% wool, 10% cashmere        | 999 | beige black brown      | women
down-jacket         | 轻薄羽绒服     | Light Down Jacket         | outerwear | tops     | 面料锦纶 填充白鹅绒 90% | nylon shell, 90% goose down | 699 | black red sky          | all
denim-jacket        | 牛仔夹克       | Denim Jacket              | outerwear | tops     | 棉 100%               | 100% cotton                   | 329 | denim black            | all
wind-jacket         | 防风冲锋衣     | Windproof Jacket          | outerwear | tops     | 聚酯纤维 100%         | 100% polyester                | 459 | green navy             | men
cardigan            | 羊毛开衫       | Wool Cardigan             | outerwear | tops     | 羊毛 80% 锦纶 20%     | 80% wool, 20% nylon           | 299 | cream grey             | women
sneakers            | 轻便运动鞋     | Light Sneakers            | shoes     | shoes    | 网布鞋面 橡胶底       | mesh upper, rubber sole       | 329 | white black            | shoes
canvas-shoes        | 帆布鞋         | Canvas Shoes              | shoes     | shoes    | 棉帆布 橡胶底         | cotton canvas, rubber sole    | 159 | white navy red         | shoes
loafers             | 牛皮乐福鞋     | Leather Loafers           | shoes     | shoes    | 牛皮 橡胶底           | cow leather, rubber sole      | 459 | black brown            | ladies
ankle-boots         | 切尔西短靴     | Chelsea Boots             | shoes     | shoes    | 牛皮 橡胶底           | cow leather, rubber sole      | 529 | black brown            | shoes
sandals             | 编织凉鞋       | Woven Sandals             | shoes     | shoes    | 超纤 橡胶底           | microfibre, rubber sole       | 229 | beige black            | ladies
kids-tee            | 儿童印花T恤    | Children's Print T-shirt  | children  | children | 棉 100%               | 100% cotton                   | 69  | white yellow sky       | kids
kids-hoodie         | 儿童连帽卫衣   | Children's Hoodie         | children  | children | 棉 80% 聚酯纤维 20%   | 80% cotton, 20% polyester     | 139 | green pink             | kids
kids-jeans          | 儿童牛仔裤     | Children's Jeans          | children  | children | 棉 98% 氨纶 2%        | 98% cotton, 2% elastane       | 129 | denim                  | kids
kids-dress          | 女童连衣裙     | Girls' Dress              | children  | children | 棉 100%               | 100% cotton                   | 159 | blue pink              | kids
kids-down           | 儿童羽绒服     | Children's Down Jacket    | children  | children | 面料聚酯纤维 填充白鸭绒 80% | polyester shell, 80% duck down | 399 | red navy           | kids
kids-pyjamas        | 儿童家居服套装 | Children's Pyjama Set     | children  | children | 棉 100%               | 100% cotton                   | 119 | sky yellow             | kids
briefs              | 莫代尔内裤三条装 | Modal Briefs, 3 Pack    | underwear | trousers | 莫代尔 94% 氨纶 6%    | 94% modal, 6% elastane        | 89  | black pink             | women
boxers              | 男士平角裤三条装 | Men's Boxers, 3 Pack    | underwear | trousers | 棉 95% 氨纶 5%        | 95% cotton, 5% elastane       | 99  | navy grey              | men
thermal-set         | 保暖内衣套装   | Thermal Underwear Set     | underwear | tops     | 棉 60% 粘纤 40%       | 60% cotton, 40% viscose       | 199 | black cream            | all
crew-socks          | 中筒棉袜五双装 | Crew Socks, 5 Pairs       | underwear |          | 棉 80% 聚酰胺 20%     | 80% cotton, 20% polyamide     | 59  | white black grey       | socks
wool-socks          | 羊毛厚袜两双装 | Thick Wool Socks, 2 Pairs | underwear |          | 羊毛 70% 聚酰胺 30%   | 70% wool, 30% polyamide       | 69  | brown green            | socks
"""  # noqa: E501

_FIXED_STOCK = {  # what the tour of the demo relies on
    "linen-dress-blue-M": 6,
    "linen-dress-blue-L": 2,
    "floral-dress-blue-M": 4,
    "shirt-dress-blue-S": 0,
    "shirt-dress-blue-M": 9,
    "trench-coat-black-M": 0,
    "trench-coat-khaki-M": 5,
}


def stock_of(sku: str) -> int:
    """Return the pieces in stock when the demo begins: 0 to 20, about one in eight variants is sold out."""
    noise = zlib.crc32(sku.encode())
    return _FIXED_STOCK.get(sku, 0 if noise % 8 == 0 else 1 + noise // 8 % 20)


def _garment(line: str) -> Garment:
    ident, zh, en, category, chart, material_zh, material_en, price, colours, sizes = (
        cell.strip() for cell in line.split("|")
    )
    return Garment(
        ident,
        zh,
        en,
        category,
        chart,
        material_zh,
        material_en,
        int(price),
        tuple(colours.split()),
        _SIZES[sizes],
        returnable=category != "underwear",
    )


GARMENTS: tuple[Garment, ...] = tuple(_garment(line) for line in _TABLE.strip().splitlines())
