"""A campaign with a hold-out: who is held out gets nothing of it, is in its result beside the others, and loses nothing else."""

from datetime import timedelta

import pytest

from analytics.experiments.reading import read
from loyalty.campaigns.journeys.nights import find_on
from loyalty.campaigns.models import Campaign, Entry, Outcome
from loyalty.campaigns.publishing.audience import audience_of
from loyalty.campaigns.publishing.checking import flaws_of
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import VariantFact
from loyalty.memberships.models import Membership
from tests import make
from tests.campaigns import make_offers
from tests.campaigns.make_campaigns import ada, journey, says, says_by
from tests.campaigns.test_journeys import EXITS, World, at
from tests.experiments.make_experiments import arm_of, running

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
STARTS = at("2026-11-20T00:00Z")
NIGHT = at("2026-11-27T00:00+01:00")
NOW = at("2026-11-27T09:00Z")
HALVES = (VariantFact("nothing", 5_000, is_control=True), VariantFact("message", 5_000))


def lapsed_world(members: int = 20) -> World:
    world = World()
    for each in (world.member, *(ada(world.club, f"m{number}") for number in range(1, members))):
        make.buys(each, "10.00", at=NIGHT - 80 * DAY)
    return world


def members(world: World) -> list[Membership]:
    return list(Membership.objects.filter(program=world.club).select_related("customer").order_by("pk"))


def hold_out(world: World, **given: str) -> Experiment:
    said = {"layer": "variant", "form": "variants", "metric": "revenue"} | given
    return running(world.owner, world.club, "win-back", at=STARTS, variants=HALVES, window_days=28, **said)


def win_back(world: World, held: Experiment) -> Campaign:
    trigger = {"kind": "lapsed", "days": 60}
    return journey(world.club, trigger, says_by("email"), exits=EXITS, experiment=held, since=STARTS)


def test_who_is_held_out_enters_gets_nothing_and_was_to_be_reached_at_the_same_instant() -> None:
    world = lapsed_world()
    held = hold_out(world)
    live = win_back(world, held)

    assert find_on(live, NIGHT.date(), now=NOW) == 20
    world.work(NOW)

    entries = list(Entry.objects.select_related("customer").order_by("pk"))
    control = [each for each in entries if arm_of(held, each.customer) == "nothing"]
    assert 5 <= len(control) <= 15
    assert {(each.is_held_out, each.reason) for each in control} == {(True, "held_out")}
    assert {(each.is_held_out, each.reason) for each in entries if each not in control} == {(False, "completed")}
    assert len({each.exposure_at for each in entries}) == 1
    assert len(world.box.taken) == 20 - len(control)
    told = Outcome.objects.filter(reason="held_out").values_list("customer", flat=True)
    assert set(told) == {each.customer_id for each in control}


@pytest.mark.parametrize("layer", ["variant", "global"])
def test_who_is_held_out_since_this_morning_gets_nothing_of_what_began_at_midnight(layer: str) -> None:
    world = lapsed_world()
    said = {"form": "variants"} if layer == "variant" else {"form": "no_benefits"}
    held = running(
        world.owner, world.club, "win-back", at=NOW - DAY / 24, variants=HALVES, window_days=28, metric="revenue", layer=layer,
        **said,
    )  # fmt: skip
    own = {"experiment": held} if layer == "variant" else {}
    live = journey(world.club, {"kind": "lapsed", "days": 60}, says_by("email"), since=NOW - DAY / 48, **own)
    assert live.version is not None
    told = audience_of(live, live.version, now=NOW).held_out

    assert find_on(live, NIGHT.date(), now=NOW) == 20
    world.work(NOW)

    control = {each.customer_id for each in members(world) if arm_of(held, each.customer) == "nothing"}
    assert 5 <= len(control) <= 15
    assert set(Entry.objects.filter(is_held_out=True).values_list("customer", flat=True)) == control
    assert (told, len(world.box.taken)) == (len(control), 20 - len(control))


def test_nobody_enters_twice_whichever_arm_it_is_in() -> None:
    world = lapsed_world(6)
    live = win_back(world, hold_out(world))

    found = [find_on(live, NIGHT.date(), now=NOW) for _ in range(3)]
    world.work(NOW)
    world.work(NOW)

    assert found == [6, 0, 0]
    assert len(world.box.taken) == Entry.objects.filter(is_held_out=False).count()


def test_its_result_counts_all_who_were_assigned_reached_or_not() -> None:
    world = lapsed_world()
    held = hold_out(world)
    find_on(win_back(world, held), NIGHT.date(), now=NOW)
    world.work(NOW)
    arms = {member: arm_of(held, member.customer) for member in members(world)}
    for member, arm in arms.items():
        make.buys(member, "30.00" if arm == "message" else "10.00", at=NOW + DAY)

    found = read(held, list(held.variants.in_order()), known_at=NOW + 60 * DAY)

    by_part = dict(zip(found.units.part.tolist(), found.units.outcome.tolist(), strict=True))
    assert len(found.units.part) == len(arms) == 20
    assert by_part == {0: 10.0, 1: 30.0}


def test_who_is_held_out_of_a_campaign_earns_as_anybody() -> None:
    world = lapsed_world(10)
    held = hold_out(world)
    find_on(win_back(world, held), NIGHT.date(), now=NOW)
    before = {member.pk: make.spendable(member, NOW + 40 * DAY) for member in members(world)}

    for member in members(world):
        make.buys(member, "30.00", at=NOW + DAY)

    assert {make.spendable(member, NOW + 40 * DAY) - before[member.pk] for member in members(world)} == {30}


@pytest.mark.parametrize(
    ("layer", "form", "codes"),
    [
        ("variant", "variants", []),
        ("campaign", "not_invited", ["holds_out_of_program"]),
        ("campaign", "no_benefits", ["holds_out_of_program"]),
    ],
)
def test_an_experiment_that_withholds_the_program_as_well_is_told_before_it_starts(
    layer: str, form: str, codes: list[str]
) -> None:
    world = World()
    live = win_back(world, hold_out(world, layer=layer, form=form))
    assert live.version is not None

    found = [flaw for flaw in flaws_of(live.version) if flaw.place == "experiment"]

    assert [flaw.code for flaw in found] == codes
    assert not any(flaw.is_error for flaw in found)


@pytest.mark.parametrize(("kind", "is_held_out"), [("marketing", True), ("program", False), ("service", False)])
def test_who_is_held_out_of_everything_misses_marketing_and_hears_of_its_program_and_orders(
    kind: str, *, is_held_out: bool
) -> None:
    world = lapsed_world()
    for each in members(world):
        says(each.customer, "program", at=make.START)
    everything = running(world.owner, None, "everything", layer="global", at=STARTS)
    live = journey(world.club, {"kind": "lapsed", "days": 60}, says_by("email"), since=STARTS, kind=kind)
    assert live.version is not None
    out = {each.customer_id for each in members(world) if arm_of(everything, each.customer) == "out"}
    foreseen = audience_of(live, live.version, now=NOW)
    assert find_on(live, NIGHT.date(), now=NOW) == 20
    world.work(NOW)

    assert {each.reason for each in Entry.objects.filter(customer__in=out)} == {
        "held_out" if is_held_out else "completed"
    }
    assert {each.reason for each in Entry.objects.exclude(customer__in=out)} == {"completed"}
    held_out = len(out) if is_held_out else 0
    assert (foreseen.held_out, len(world.box.taken)) == (held_out, 20 - held_out)
    assert 5 <= len(out) <= 15


def test_who_is_held_out_of_everything_is_given_no_offer() -> None:
    program = make_offers.club(owner=make.retailer())
    some = [make.member(program, f"m{number}") for number in range(4)]
    everything = running(program.retailer, None, "everything", layer="global", at=make.NOON - DAY)
    arms = [arm_of(everything, each.customer) for each in some]
    given = make_offers.offer(program)

    found = make_offers.ask(given, *some)

    assert sorted(arms).count("out") in {1, 2, 3}
    assert make_offers.reasons(found) == ["held_out" if arm == "out" else "" for arm in arms]
    assert make_offers.budget(given) == (10 * arms.count("in"), 0)
