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
