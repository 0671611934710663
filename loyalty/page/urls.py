"""
Members' pages: /my/RETAILER for who is not signed in, /my/RETAILER/PROGRAM/ for members.

What belongs to a program ends with a slash after it, so no program's name hides an address of the retailer's.
"""

from django.urls import path
from django.views.generic import RedirectView

from loyalty.page.views import (
    challenges,
    for_you,
    home,
    invite,
    me,
    messages,
    plan,
    points,
    privacy,
    push,
    rewards,
    signing,
    style,
)

app_name = "page"
urlpatterns = [
    path("<slug:retailer>", signing.start, name="start"),
    path(
        "<slug:retailer>/", RedirectView.as_view(pattern_name="page:start", query_string=True)
    ),  # as it is often typed
    path("<slug:retailer>/code", signing.code, name="code"),
    path("<slug:retailer>/sign-out", signing.leave, name="sign-out"),
    path("<slug:retailer>/colours.css", style.colours, name="colours"),
    path("<slug:retailer>/manifest.json", style.manifest, name="manifest"),
    path("<slug:retailer>/worker.js", push.worker, name="worker"),
    path("<slug:retailer>/renewed-device", push.renew, name="device-renew"),
    path("<slug:retailer>/<slug:program>/", home.home, name="home"),
    path("<slug:retailer>/<slug:program>/card.pkpass", home.wallet_pass, name="pass"),
    path("<slug:retailer>/<slug:program>/orders", points.orders, name="orders"),
    path("<slug:retailer>/<slug:program>/orders/<path:number>", points.order, name="order"),
    path("<slug:retailer>/<slug:program>/points", points.points, name="points"),
    path("<slug:retailer>/<slug:program>/rewards", rewards.catalogue, name="rewards"),
    path("<slug:retailer>/<slug:program>/rewards/<slug:code>", rewards.reward, name="reward"),
    path("<slug:retailer>/<slug:program>/mine/<uuid:redemption_id>", rewards.redeemed, name="redeemed"),
    path("<slug:retailer>/<slug:program>/mine/<uuid:redemption_id>/cancel", rewards.cancel, name="cancel"),
    path("<slug:retailer>/<slug:program>/challenges", challenges.challenges, name="challenges"),
    path("<slug:retailer>/<slug:program>/challenges/<slug:code>/join", challenges.join, name="challenge-join"),
    path("<slug:retailer>/<slug:program>/boards/<slug:code>/join", challenges.appear, name="board-join"),
    path("<slug:retailer>/<slug:program>/boards/<slug:code>/leave", challenges.disappear, name="board-leave"),
    path("<slug:retailer>/<slug:program>/for-you", for_you.for_you, name="for-you"),
    path("<slug:retailer>/<slug:program>/for-you/<uuid:offer_id>/take", for_you.take, name="offer-take"),
    path("<slug:retailer>/<slug:program>/for-you/<uuid:offer_id>/decline", for_you.decline, name="offer-decline"),
    path("<slug:retailer>/<slug:program>/invite", invite.invite, name="invite"),
    path("<slug:retailer>/<slug:program>/invite/claim", invite.claim, name="invite-claim"),
    path("<slug:retailer>/<slug:program>/me", me.me, name="me"),
    path("<slug:retailer>/<slug:program>/messages", messages.inbox_of, name="messages"),
    path("<slug:retailer>/<slug:program>/messages/reaching", messages.reaching, name="reaching"),
    path("<slug:retailer>/<slug:program>/messages/device", push.start, name="device"),
    path("<slug:retailer>/<slug:program>/messages/device/stop", push.stop, name="device-stop"),
    path("<slug:retailer>/<slug:program>/plan", plan.plan, name="plan"),
    path("<slug:retailer>/<slug:program>/plan/cancel", plan.end, name="plan-cancel"),
    path("<slug:retailer>/<slug:program>/plan/resume", plan.go_on, name="plan-resume"),
    path("<slug:retailer>/<slug:program>/plan/choose/<slug:code>", plan.choose, name="plan-choose"),
    path("<slug:retailer>/<slug:program>/privacy", privacy.privacy, name="privacy"),
    path("<slug:retailer>/<slug:program>/privacy/consent", privacy.consent, name="consent"),
    path("<slug:retailer>/<slug:program>/privacy/data.zip", privacy.data, name="data"),
    path("<slug:retailer>/<slug:program>/privacy/erase", privacy.erasing, name="erase"),
    path("<slug:retailer>/<slug:program>/privacy/leave", privacy.leaving, name="leave"),
]
