"""The twin, met by the real library and by strangers."""

from __future__ import annotations

import httpx
from wechatpy.crypto import WeChatCrypto  # type: ignore[import-untyped]

from connectors.twin.app import build_twin
from connectors.twin.wechat_cipher import decrypt, from_xml, sign
from tests.wechat.stage import AES_KEY, APP_ID, LI, TOKEN, Stage


async def test_the_twins_cipher_and_wechatpys_open_each_others_envelopes() -> None:
    library = WeChatCrypto(TOKEN, AES_KEY, APP_ID)
    outer = from_xml(library.encrypt_message("<xml>😀]]></xml>", "n", "1"))
    assert outer["MsgSignature"] == sign(TOKEN, "1", "n", outer["Encrypt"])
    assert decrypt(AES_KEY, APP_ID, outer["Encrypt"]) == "<xml>😀]]></xml>"


async def test_the_twin_answers_its_own_machine_only(stage: Stage) -> None:
    statuses = []
    for peer in ("203.0.113.9", "127.0.0.1", "::1", "::ffff:127.0.0.1"):
        transport = httpx.ASGITransport(build_twin(None, stage.twin), client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://twin") as http:
            statuses.append((await http.get("/wechat/panel")).status_code)
    assert statuses == [403, 200, 200, 200]
    foreign = {"Sec-Fetch-Site": "cross-site"}
    answer = await stage.http.post(f"{stage.base}/twin/wechat/control/say", json={"user": LI}, headers=foreign)
    assert answer.status_code == 403


async def test_the_panel_and_all_it_needs_come_from_the_twin(stage: Stage) -> None:
    page = await stage.http.get(f"{stage.base}/twin/wechat/panel", params={"user": LI, "lang": "en"})
    assert 'aria-label="message"' in page.text
    assert "://" not in page.text
    for name in ("wechat.css", "wechat.js"):
        assert f"static/{name}" in page.text
        assert (await stage.http.get(f"{stage.base}/twin/wechat/static/{name}")).status_code == 200
