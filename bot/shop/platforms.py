"""Opens the shop's own system, as shop.toml says."""

from __future__ import annotations

from pathlib import Path

from bot.clock import Clock
from bot.settings import Settings, Shopify, WooCommerce
from bot.shop.http import checked_base
from bot.shop.platform import Platform
from bot.shop.plugins import make_plugin


def make_platform(settings: Settings, folder: Path, clock: Clock) -> Platform | None:
    """Return the platform of `[shop] platform`; None for the embedded shop.

    Raises:
        SettingsError: a secret is missing, or the address is one that keys must not travel to.
    """
    shop = settings.shop
    if shop.platform == "woocommerce" and shop.woocommerce is not None:
        return _woocommerce(shop.woocommerce, shop.currency, folder, clock)
    if shop.platform == "shopify" and shop.shopify is not None:
        return _shopify(shop.shopify, shop.currency, folder, clock)
    if shop.platform == "other" and shop.other is not None:
        secrets = {key: secret.read(folder, f"shop.other.secrets.{key}") for key, secret in shop.other.secrets.items()}
        return make_plugin(shop.other.adapter, clock, shop.currency, {**shop.other.options, **secrets})
    return None


def _woocommerce(own: WooCommerce, currency: str, folder: Path, clock: Clock) -> Platform:
    from bot.shop.woocommerce import platform

    return platform.WooCommerce(
        checked_base(own.url, "shop.woocommerce.url"),
        own.key.read(folder, "shop.woocommerce.key"),
        own.secret.read(folder, "shop.woocommerce.secret"),
        own.webhook_secret.read(folder, "shop.woocommerce.webhook_secret"),
        currency,
        clock,
        own.completed,
    )


def _shopify(own: Shopify, currency: str, folder: Path, clock: Clock) -> Platform:
    from bot.shop.shopify import platform

    return platform.Shopify(
        own.shop,
        checked_base(own.api_base or f"https://{own.shop}", "shop.shopify.api_base"),
        own.client_id,
        own.secret.read(folder, "shop.shopify.secret"),
        own.token.read(folder, "shop.shopify.token") if own.token else "",
        currency,
        clock,
    )
