"""A member lets its browser show messages, and stops it: the browser's own push service alone is a stand-in."""

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from pytest_django import Settings

from customers.models import Consent
from loyalty.campaigns.models import PushDevice
from loyalty.campaigns.transports.push_keys import new_key
from loyalty.signin.sessions import COOKIE
from tests.browser.conftest import shot
from tests.campaigns.browsers import Browser
from tests.campaigns.make_campaigns import NOON, says
from tests.campaigns.test_push_devices import member_of, pushing
from tests.page.test_pages import home_of, signed_in

# Chromium asks its maker's service for a subscription, which is not reached from here: this stands in for that service.
SERVICE = """
const told = %s;
const plain = (text) => atob(text.replaceAll("-", "+").replaceAll("_", "/"));
const decoded = (text) => Uint8Array.from(plain(text), (each) => each.charCodeAt(0)).buffer;
const subscription = {
  endpoint: told.endpoint, options: {}, getKey: (name) => decoded(told[name]),
  unsubscribe: async () => { localStorage.removeItem("subscribed"); return true; },
};
PushManager.prototype.getSubscription = async () => localStorage.getItem("subscribed") ? subscription : null;
PushManager.prototype.subscribe = async (options) => {
  localStorage.setItem("subscribed", options.applicationServerKey);
  return subscription;
};
Notification.requestPermission = async () => localStorage.getItem("refuses") ? "denied" : "granted";
"""
# What a browser tells its worker when it replaced the subscription; the worker tells when it is done.
REPLACED = """
async (told) => {
  const decoded = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
  const event = new Event("pushsubscriptionchange");
  event.newSubscription = { endpoint: told.endpoint, getKey: (name) => decoded(told[name]).buffer };
  const done = new Promise((resolve) => { event.waitUntil = resolve; });
  self.dispatchEvent(event);
  await done;
  return true;
}
"""


@pytest.fixture
def own(settings: Settings) -> Browser:
    settings.VAPID_PRIVATE_KEY, settings.VAPID_SUBJECT = new_key(), "mailto:it@shop.example"
    return Browser("https://push.test/1")


def test_a_member_is_notified_on_this_device_and_stops_it(chromium: Any, site: str, own: Browser) -> None:
    member = member_of(pushing())
    says(member.customer, "push", granted=False, at=NOON)
    page = chromium.new_page()
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.on("console", lambda line: failed.append(line.text) if line.type == "error" else None)
    page.add_init_script(SERVICE % json.dumps(own.subscription))
    page.context.add_cookies([{"name": COOKIE, "value": signed_in(member).cookies[COOKIE].value, "url": site}])

    page.goto(f"{site}{home_of(member)}messages")
    page.evaluate("localStorage.setItem('refuses', 'yes')")
    page.get_by_role("button", name="Notify me on this device").click()
    page.get_by_text("Your browser does not let this site notify you.").wait_for()
    refused = PushDevice.objects.count()
    page.evaluate("localStorage.removeItem('refuses')")
    page.get_by_role("button", name="Notify me on this device").click()
    page.get_by_text("You get messages on this device.").wait_for()
    device = PushDevice.objects.get()
    agreed = Consent.objects.filter(customer=member.customer, purpose="push").latest("occurred_at").granted
    fresh = Browser("https://push.test/renewed")
    renewed = page.context.service_workers[0].evaluate(REPLACED, fresh.subscription)
    renewed_to = PushDevice.objects.get()
    page.context.service_workers[0].evaluate(REPLACED, own.subscription)  # by the secret that it has kept since
    scope = page.evaluate("navigator.serviceWorker.ready.then((each) => new URL(each.scope).pathname)")
    violations = Axe().run(page).response["violations"]
    shot(page, "push-on")
    page.get_by_role("button", name="Stop on this device").click()
    page.get_by_text("You get no more messages on this device.").wait_for()
    page.get_by_role("button", name="Notify me on this device").wait_for()
    page.close()

    assert (renewed, renewed_to.pk, renewed_to.address) == (True, device.pk, fresh.endpoint)
    assert (renewed_to.p256dh, renewed_to.auth) == tuple(fresh.keys.values())
    assert (refused, device.address, device.p256dh, device.auth) == (0, own.endpoint, *own.keys.values())
    assert (agreed, scope, PushDevice.objects.count()) == (True, f"/my/{member.retailer.slug}/", 0)
    assert (failed, violations) == ([], [])


def test_without_script_nothing_is_shown_of_it(chromium: Any, site: str, own: Browser) -> None:
    member = member_of(pushing())
    page = chromium.new_page(java_script_enabled=False)
    page.context.add_cookies([{"name": COOKIE, "value": signed_in(member).cookies[COOKIE].value, "url": site}])

    page.goto(f"{site}{home_of(member)}messages")

    assert page.get_by_role("button", name="Save my choices").is_visible()
    assert not page.get_by_role("button", name="Notify me on this device").is_visible()
    page.close()
