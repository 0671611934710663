// Whether this browser shows the shop's messages is asked of the member, then of the browser; where it cannot, nothing is shown.
"use strict";
(async () => {
  const place = document.getElementById("push");
  if (!place || !("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) return;
  const part = (name) => place.querySelector(`[data-push="${name}"]`);
  const [start, stop, refused] = ["start", "stop", "refused"].map(part);
  const known = JSON.parse(document.getElementById("push-addresses").textContent);
  const { key, worker } = place.dataset;
  const scope = worker.slice(0, worker.lastIndexOf("/") + 1);
  const registered = () => navigator.serviceWorker.getRegistration(scope);
  const subscribed = async () => (await registered())?.pushManager.getSubscription() ?? null;
  const toText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const isOurs = (subscription) => {
    const own = subscription.options.applicationServerKey;
    return !own || toText(own) === key;
  };
  // What this browser is known by, for the worker to say when the browser replaces it while no page is open.
  const kept = (work) => "caches" in window ? caches.open("push").then(work).catch(() => false) : false;
  const place_of = new URL(`${scope}subscription`, location.href).href;
  const keep = (said) => kept((cache) => cache.put(place_of, new Response(JSON.stringify(said))));
  const forget = () => kept((cache) => cache.delete(place_of));
  const told = (subscription) => ({
    endpoint: subscription.endpoint, p256dh: toText(subscription.getKey("p256dh")), auth: toText(subscription.getKey("auth")), key,
  });
  const before = await subscribed();
  const isOn = before !== null && isOurs(before) && known.includes(before.endpoint);
  if (isOn) await keep(told(before));
  (isOn ? stop : start).hidden = false;
  place.hidden = false;
  const subscribe = async () => {
    if ((await Notification.requestPermission()) !== "granted") throw new Error("not allowed");
    const registration = await navigator.serviceWorker.register(worker, { scope });
    const ready = registration.active ? registration : await activated(registration);
    const old = await ready.pushManager.getSubscription();
    if (old && !isOurs(old)) await old.unsubscribe();
    return ready.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  };
  const activated = (registration) => new Promise((done) => {
    const coming = registration.installing || registration.waiting;
    coming.addEventListener("statechange", () => coming.state === "activated" && done(registration));
  });
  start.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const subscription = await subscribe();
      const said = told(subscription);
      for (const name of ["endpoint", "p256dh", "auth"]) start.elements[name].value = said[name];
      await keep(said);
      start.submit();
    } catch {
      refused.hidden = false;
      // After page.js has disabled it: a form that was not sent may be sent again.
      setTimeout(() => { for (const button of start.querySelectorAll("button")) button.disabled = false; });
    }
  });
  stop.addEventListener("submit", async (event) => {
    event.preventDefault();
    const subscription = await subscribed().catch(() => null);
    if (subscription) {
      stop.elements.endpoint.value = subscription.endpoint;
      await subscription.unsubscribe().catch(() => false);
      await forget();
    }
    stop.submit();
  });
})();
