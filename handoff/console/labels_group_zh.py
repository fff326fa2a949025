"""What the staff's group says, in Chinese."""

ZH: dict[str, str] = {
    "group_customer": "👤 {text}",
    "group_bot": "🤖 {text}",
    "group_agent": "🧑‍💼 {name}：{text}",
    "group_campaign": "📣 {text}",
    "group_note": "📝 {name}：{text}",
    "group_mark": "— {text}",
    "group_picture": "[图片]",
    "group_picture_later": "[图片，请到工作台查看]",
    "group_file": "[{kind}，请到工作台查看]",
    "group_queue": "正在等人工：第 {place} 位，共 {count} 位。",
    "group_held": "{name} 正在接待这位顾客。",
    "group_unproven": "没有核实过的订单。",
    "group_order": "订单 {number}：{status}",
    "group_wishes": "想问：{wishes}",
    "group_rights": "还可发 {left} 条（共 {allowed} 条），到 {until} 为止。",
    "group_rights_free": "可随时发送。",
    "group_rights_none": "顾客再次来信之前不能发送。",
    "group_how": "直接在这里回复即可，第一条回复就是接待。以 // 开头是备注。/help",
    "group_so_far": "此前：",
    "group_help": (
        "在顾客的话题里写就是回复，第一条回复就是接待。\n"
        "//文字 或 /note 文字：备注，顾客看不到\n"
        "/take：由我接待\n"
        "/close [结果]：结束会话\n"
        "/handback [原因]：交回机器人\n"
        "/transfer 登录名 [原因]：转给同事\n"
        "/snooze 30m、2h 或 1d：到时再提醒\n"
        "/link 口令：说明你是谁（口令：zhanggui agents telegram 登录名）\n"
        "在这里编辑或删除消息，顾客收到的内容不会改变。"
    ),
    "group_unlinked": (
        "不知道你是谁，所以没有发送。请在店铺的机器上运行 zhanggui agents telegram 登录名，再在这里写 /link 和口令。"
    ),
    "group_anonymous": "你是匿名发言，所以没有发送。请在管理员权限里关闭“匿名”。",
    "group_linked": "现在你是 {name}。",
    "group_bad_code": "口令已用过或已过期。请重新获取：zhanggui agents telegram 登录名。",
    "group_taken": "未发送：{name} 正在接待这位顾客。只有组长可以接手：/take。",
    "group_nobody": "没有能接待顾客的同事 {name}。有：{names}。",
    "group_how_snooze": "请写明多久：/snooze 30m、/snooze 2h 或 /snooze 1d。",
    "group_unknown": "没有 {command} 这个命令，所以没有发送。/help 列出全部命令。",
    "group_not_here": "请在顾客的话题里写。",
    "group_only_pictures": "未发送：这里只能发文字和图片。",
    "group_not_fetched": "未发送：Telegram 没有给出图片。请再发一次。",
    "group_edited": "顾客收到的仍是原来的内容。如有必要请重新写一条。",
    "group_not_sent": "{status}：{reason}。请重新写，或在工作台重试。",
}
