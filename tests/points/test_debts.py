"""What returns took besides their orders' own points, told from entries."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from loyalty.points.debts import Debt, DebtEntry, Relief, debts_of, relief

A, B = UUID(int=1), UUID(int=2)
LOT, OTHER, GIFT = UUID(int=11), UUID(int=12), UUID(int=13)


def test_own_points_make_good_what_could_not_be_taken_then_what_was_taken_last() -> None:
    debt = Debt(A, (), owed=10, covers=((LOT, 20), (OTHER, 30)))

    assert relief(debt, 25) == Relief(10, 0, ((OTHER, 15),))
    assert relief(debt, 45) == Relief(10, 0, ((OTHER, 30), (LOT, 5)))
    assert relief(debt, 100).points == debt.lacking == 60


def test_what_repays_debts_takes_the_place_of_the_oldest_first() -> None:
    entries = [
        DebtEntry("return", A, owed=30),
        DebtEntry("return", B, owed=10),
        DebtEntry("repay", owed=-35, covers=((LOT, 20), (OTHER, 15))),
    ]

    assert debts_of(entries) == [
        Debt(A, (), covers=((LOT, 20), (OTHER, 10))),
        Debt(B, (), owed=5, covers=((OTHER, 5),)),
    ]


def test_what_replaces_is_lacking_no_more() -> None:
    entries = [
        DebtEntry("return", A, shortfall=5, covers=((LOT, 20), (OTHER, 10))),
        DebtEntry("repay", A, shortfall=-5, covers=((OTHER, -10), (LOT, -3))),
    ]

    assert debts_of(entries) == [Debt(A, (), covers=((LOT, 17),))]


def test_a_new_gift_makes_good_gifts_alone() -> None:
    entries = [
        DebtEntry("return", A, shortfall=30),
        DebtEntry("return", gift_lots=(GIFT,), shortfall=8),
        DebtEntry("repay", shortfall=-8, covers=((LOT, 8),), is_for_gifts=True),
    ]

    assert debts_of(entries) == [Debt(A, (), shortfall=30), Debt(None, (GIFT,), covers=((LOT, 8),))]


def test_who_leaves_lacks_nothing_afterwards() -> None:
    assert debts_of([DebtEntry("return", A, owed=30), DebtEntry("leave", owed=-30)]) == []


COVERS = st.lists(st.tuples(st.sampled_from([LOT, OTHER]), st.integers(1, 20)), max_size=4).map(tuple)


@given(st.integers(0, 30), st.integers(0, 30), COVERS, st.lists(st.integers(1, 40), max_size=4))
def test_in_however_many_parts_own_points_come_back_they_make_good_all_of_it_and_no_more(
    owed: int, shortfall: int, covers: tuple[tuple[UUID, int], ...], parts: list[int]
) -> None:
    entries = [DebtEntry("return", A, (), owed, shortfall, covers)]
    lacking, made_good = owed + shortfall + sum(points for _, points in covers), 0
    for points in parts:
        for debt in debts_of(entries):
            found = relief(debt, points)
            back = tuple((lot_id, -some) for lot_id, some in found.covers)
            entries.append(DebtEntry("repay", A, (), -found.owed, -found.shortfall, back))
            made_good += found.points

    assert made_good == min(lacking, sum(parts))
    assert sum(debt.lacking for debt in debts_of(entries)) == lacking - made_good
