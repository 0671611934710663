"""The retailers that can be simulated: each a reason for joining, with whatever else its past is made of."""

from dataclasses import dataclass
from typing import Literal

ReasonToJoin = Literal["traits", "past_spend", "latent", "spike", "checkout", "need"]


@dataclass(frozen=True)
class Design:
    """
    A retailer: how its customers buy, how its orders are linked, and why some become members.

    A customer i orders as a Poisson process of intensity

        rate_i x season(t) x trend_c^(t / 12) x wobble_i(t) x (1 + need_lift x need_i(t))      orders a month,

    with rate_i gamma distributed (mean `orders`, shape `evenness`), t in months, season(t) = 1 + `season` cos(2 pi
    (t - 11) / 12), trend_c by channel, and wobble_i a slow wave of its own phase and period (demand that comes and
    goes: who looks strong now regresses later). An order is worth exp(mu_i + .5 z), less what is returned of it.

    Members join at an order: each linked order while enrolment is open is an occasion, taken with the chance

        logistic(intercept + strength x reason + advertising x months since it opened),

    where the intercept makes `joining` of all customers join by the end, advertising ends after eleven months, and the reason is

    - "traits": 1 for customers of the web, .5 for those of the second region, who also grow at another pace: seen
    - "past_spend": the logarithm of the spending of the 90 days before the order
    - "latent": log rate_i + mu_i, standardised: what the customer is like, which the past only hints at
    - "spike": 1 in the last two days of a burst of orders of three weeks and the week after it
    - "checkout": the logarithm of this very order's worth against others of the customer
    - "need": need_i(t), which rises from 0 to 1 over three months, unseen, and lifts orders at the same time

    :param opens: the month in which enrolment opens
    :param newcomers: the share of customers whose first order falls into the first six tenths of the time
    :param leaving: the share of customers that leave in a month, for good, whether members or not
    :param guests: the share of orders that nothing links to a customer, before joining and after
    :param weak: the share of orders that only a member's card links: unlinked before joining (`NOBODY`), afterwards
        linked and marked `membership_only`
    :param between_orders: the share of members who join in the app some days after the order that made them think of it
    """

    code: str
    reason: ReasonToJoin
    strength: float = 1.0
    joining: float = 0.5
    opens: float = 8.0
    advertising: float = 0.25
    orders: float = 1.2
    evenness: float = 1.5
    season: float = 0.25
    trends: tuple[float, float] = (0.97, 1.08)
    wobble: float = 0.25
    newcomers: float = 0.25
    leaving: float = 0.01
    returns: float = 0.06
    guests: float = 0.05
    weak: float = 0.0
    need_lift: float = 0.0
    between_orders: float = 0.0


TRAITS = Design("traits", "traits")
PAST_SPEND = Design("past_spend", "past_spend")
LATENT = Design("latent", "latent")
SPIKE = Design("spike", "spike", strength=3.0)
CHECKOUT = Design("checkout", "checkout", strength=1.2)
LEAVING = Design("leaving", "traits", strength=0.3, joining=0.4, newcomers=0.5, leaving=0.05)
NEED = Design("need", "need", strength=3.0, need_lift=0.6)
CAPTURE = Design("capture", "traits", guests=0.0, weak=0.10)
APP = Design("app", "traits", between_orders=0.3)
DESIGNS = (TRAITS, PAST_SPEND, LATENT, SPIKE, CHECKOUT, LEAVING, NEED, CAPTURE, APP)
