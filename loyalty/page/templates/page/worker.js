// Shows what the shop sends to this browser, and leads to it. The same message again replaces itself.
"use strict";
const start = self.registration.scope.replace(/\/$/, "");
self.addEventListener("push", (event) => {
  if (!event.data) return;
  const { id, title, body, link } = event.data.json();
  event.waitUntil(self.registration.showNotification(title, { body, tag: id, data: { link: link || start } }));
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(event.notification.data.link));
});
// A browser may replace its subscription by itself: the shop is told by which one it knew this browser, whose secret proves it.
const place = `${start}/subscription`;
const toText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const told = (subscription, key) => ({
  endpoint: subscription.endpoint, p256dh: toText(subscription.getKey("p256dh")), auth: toText(subscription.getKey("auth")), key,
});
const renewed = async ({ newSubscription }) => {
  const cache = await self.caches.open("push");
  const before = await (await cache.match(place))?.json();
  if (!before) return;
  const fresh = newSubscription ?? await self.registration.pushManager
    .subscribe({ userVisibleOnly: true, applicationServerKey: before.key });
  const now = told(fresh, before.key);
  const { endpoint, p256dh, auth } = now;
  const body = new URLSearchParams({ old_endpoint: before.endpoint, old_auth: before.auth, endpoint, p256dh, auth });
  const answer = await fetch(`${start}/renewed-device`, { method: "POST", credentials: "omit", body });
  if (answer.ok) await cache.put(place, new Response(JSON.stringify(now)));
};
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renewed(event)));
