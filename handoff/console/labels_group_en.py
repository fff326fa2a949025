"""What the staff's group says, in English."""

EN: dict[str, str] = {
    "group_customer": "👤 {text}",
    "group_bot": "🤖 {text}",
    "group_agent": "🧑‍💼 {name}: {text}",
    "group_campaign": "📣 {text}",
    "group_note": "📝 {name}: {text}",
    "group_mark": "— {text}",
    "group_picture": "[picture]",
    "group_picture_later": "[picture, see the console]",
    "group_file": "[{kind}, see the console]",
    "group_queue": "Waits for a human: place {place} of {count}.",
    "group_held": "{name} has this customer.",
    "group_unproven": "No order proven.",
    "group_order": "Order {number}: {status}",
    "group_wishes": "About: {wishes}",
    "group_rights": "May send {left} of {allowed} until {until}.",
    "group_rights_free": "May send as much as you like.",
    "group_rights_none": "May send nothing until the customer writes again.",
    "group_how": "Write here to answer; the first answer takes the customer. // in front makes it a note. /help",
    "group_so_far": "So far:",
    "group_help": (
        "Write in a customer's topic to answer; the first answer takes the customer.\n"
        "//text or /note text: a note that no customer sees\n"
        "/take: the customer is yours\n"
        "/close [what it came to]: the talk is over\n"
        "/handback [why]: the bot goes on\n"
        "/transfer login [why]: a colleague goes on\n"
        "/snooze 30m, 2h or 1d: it comes back then\n"
        "/link code: who you are (code: zhanggui agents telegram LOGIN)\n"
        "Editing or deleting a message here changes nothing for the customer."
    ),
    "group_unlinked": (
        "I do not know you, so nothing was sent. On the shop's machine: zhanggui agents telegram LOGIN. "
        "Then write here: /link and the code."
    ),
    "group_anonymous": "You write anonymously, so nothing was sent. Turn off Remain Anonymous in your admin rights.",
    "group_linked": "You are {name} here now.",
    "group_bad_code": "This code was used already or is too old. Ask for a new one: zhanggui agents telegram LOGIN.",
    "group_taken": "Not sent: {name} has this customer. Only a lead may take over: /take.",
    "group_nobody": "There is no colleague {name} who answers customers. There are: {names}.",
    "group_how_snooze": "Say for how long: /snooze 30m, /snooze 2h or /snooze 1d.",
    "group_unknown": "There is no {command}, so nothing was sent. /help shows what there is.",
    "group_not_here": "Write that in a customer's topic.",
    "group_only_pictures": "Not sent: only text and pictures can be sent from here.",
    "group_not_fetched": "Not sent: Telegram did not hand out the picture. Send it again.",
    "group_edited": "The customer still has what you wrote first. Write it again if it matters.",
    "group_not_sent": "{status}: {reason}. Write it again, or try again in the console.",
}
