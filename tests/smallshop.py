"""A small shop that is read and learnt in no time: what the skills need of the starter set, and entries of its own."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from bot.brain import Files, read_shop
from bot.settings import Settings, load_settings
from bot.skills.dialogue import ENTRIES
from bot.starter import SHOP_TOML, make_shop, starter_folder

FEE = "knowledge/en/shipping/shipping-fee.md"
FEE_ZH = "knowledge/zh/shipping/shipping-fee.md"
TEXTS = {
    FEE: """\
---
id: shipping-fee
ask:
  - how much is postage
  - is shipping free
  - what do you charge for delivery
  - postage costs please
  - what is the delivery fee
tags: [shipping]
owner: service
review_by: 2099-06-30
test:
  - what does postage cost
---
Free from {policy.free_shipping}, else {policy.shipping_fee}.
""",
    FEE_ZH: """\
---
id: shipping-fee
ask:
  - 运费多少钱
  - 包邮吗亲
  - 邮费怎么收
  - 快递费要多少
  - 寄过来贵不贵
tags: [shipping]
owner: service
review_by: 2099-06-30
---
满{policy.free_shipping}包邮，否则{policy.shipping_fee}。
""",
    "knowledge/en/care/care-wool.md": """\
---
id: care-wool
ask: [how do i wash wool, can wool go in the machine, wool washing advice, is wool hand wash, wash a jumper]
---
Wash wool by hand, cold.
""",
    "knowledge/zh/care/care-wool.md": """\
---
id: care-wool
ask: [羊毛怎么洗, 毛衣能机洗吗, 羊毛衫洗涤方法, 毛衣可以手洗吗, 洗羊毛要注意什么]
---
羊毛请用冷水手洗。
""",
}


@dataclass(frozen=True, slots=True)
class SmallShop:
    """A shop's folder with its settings."""

    folder: Path
    settings: Settings

    def write(self, file: str, content: str | bytes) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def text(self, file: str) -> str:
        return (self.folder / file).read_text(encoding="utf-8")

    def edit(self, file: str, old: str, new: str) -> None:
        text = self.text(file)
        assert old in text
        self.write(file, text.replace(old, new, 1))

    def read(self) -> Files:
        return read_shop(self.folder, self.settings)

    def contents(self) -> dict[str, bytes]:
        """Every file of knowledge and intents, by name."""
        paths = [path for part in ("knowledge", "intents") for path in (self.folder / part).rglob("*")]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def small_shop(folder: Path) -> SmallShop:
    make_shop(folder, SHOP_TOML)
    for path in [*folder.glob("knowledge/*/**/*.md"), *folder.glob("intents/**/*.yml")]:
        if path.stem not in ENTRIES:
            path.unlink()
        else:  # what it leads on to is gone, and this set has tests of its own
            text = re.sub(
                r"^next: .*\n|^test:\n(?:  - .*\n)+", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE
            )
            path.write_text(text, encoding="utf-8")
    for language in ("zh", "en"):
        for name in ("service", "returns"):
            shutil.copy(starter_folder() / "intents" / language / f"{name}.yml", folder / "intents" / language)
    shop = SmallShop(folder, load_settings(folder, {}))
    for file, text in TEXTS.items():
        shop.write(file, text)
    return shop
