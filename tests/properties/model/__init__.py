"""
What members are promised, lived in memory as plainly as it can be said. It is what the ledger is compared with.

It shares no code with the ledger. It has no batches, no caches, no database and no nights: after each fact the past of
every member is lived again, day by day, from the first day on, in the order in which things occurred (`past.py`). What a
past entitles a member to is then compared with the points that were given, and the difference is given or taken
(`purse.py`). Only what members do with their points happens in the order in which they asked (`world.py`).

Where the promises are silent, this is what the model takes them to say:

1. Does a late fact decide later orders anew? By `past.DECIDES_ANEW` it does, and any order of arrival ends in the same
   state. The ledger does not (ADR 22), and neither does the model beside it: what was given stays, a late order is decided
   by the tier that was told for its own time, and finds the room that all that is known of its period leaves. What it
   changes of a tier is had from now on, with a gift of now.
2. Does a return change the multiplier of orders that came between? No: the tier of their own time stays theirs.
3. Who is first after the first order came back as a whole? The earliest order of which something is left: the bonus passes
   to it, dated as the return, as far as its period and the budget have room. It rejects no order by the transaction's limit,
   and goes to none that was rejected. As long as something of it is left, a first order stays the first.
4. Since when does a member hold a tier that a return leaves it? Since the past without the returned lines says, as if
   what came back had never been; a late order of that time is decided by it.
5. Does a return that moves an entry to a later order give a gift, or take one? Neither: an entry of the past without the
   returned lines is the same entry if the tier was held in both pasts at one instant.
6. What counts as earned points for tiers and for limits? What orders and visits gave, net of returns; not gifts,
   adjustments or transfers.
7. What is active by inactivity's measure? Earning (an order, a visit, a gift, an adjustment that gives) and redeeming or
   holding, even if it is undone later; a transfer is neither.
8. Is a gift pending? No: a gift and an adjustment can be spent at once and live as the version's points do; the gift has
   the extra months of the tier that gave it.
9. What has expired of an order's own points counts as taken (ADR 12), after its available points and before held ones.
10. Do points that others hold for a household count as a member's own held ones? No, they are spent until they come back.
11. When an order's own points come back after other points were taken in their place, whose are they? They replace the
    others, which come back with their own expiry; so no order of undoing costs anybody a longer lived point.
12. Which part of a hold is redeemed when only a part is confirmed? What expires first.
13. Does a transfer that is received repay what is owed? Yes, as earnings do; it never settles a shortfall.
14. Does a version that comes into force take a tier from who may not fall by its policy? No: its assessment is one as a
    night's, under the new version's policy.
15. Is a budget shared out in the order of occurrence? Yes; with late facts and a budget the model is not used.
16. Does what was paid with points count as spending for tiers? No, and an order without any money has no bonus. What comes
    back of such an order is money first: what is kept is still paid with the points until all of it comes back.
17. Is the lowest tier, from nothing, entered by enrolling, with a gift? Not asked: the model draws no such gift.
18. May a gift that was lost and spent be given again? Not where the loss is a shortfall: the next gift makes good first what
    of earlier ones could not be taken back.
19. Which pending points of others does a return take first? Those that expire first, as in spending; without a date last.
20. What becomes of points when a member leaves? They are lost, with what is owed; holds are released before. Its orders of
    then keep nothing for the new membership, its redemptions cannot be undone, limits have all of their room again, and the
    bonus of a first order is not given again.
21. What do merged customers have? Both's orders and points as they were given, nothing earned anew, and of two first orders the
    earlier one; the higher tier of both, or what both together reach, which is then entered with its gift. Until the merge two
    pasts are two. It is refused while the one who goes holds points. What had ended of either brings nothing, and what had
    expired stays expired, though the other one was active. Gifts of both stay until something comes back; then as many of a
    tier that was held at one time as the days of both, as one's, reach it times.
22. On which tier is a corrected order decided? On that on which it was: a correction decides that order alone anew, within the
    room that the others leave. Gifts of entries that it brings are given as of now, and those that it undoes are taken.
23. Which part of a hold is redeemed first among those that expire together and are as old? The member's own, then the others'.
24. When is a bonus given that passes on? With the return, and after what that takes: it is as old as the return, and repays no
    shortfall.
25. What does a return, or a correction, of an order do whose membership has ended? Nothing: all of it was forfeited; the first
    order of it stays the first, and no budget gets anything back.
26. Which change of tier, or of plan, is dated when? None before the one that was told before it; a plan that was asked for, and
    never begun, changed nothing.
27. Which plan multiplies an order? The one that was known for its own instant when it was decided, as its version offers it
    or, where it does not, as the last one before did.
28. When does a plan end for which nobody has tried to collect the fee? With its period; the grace counts from the first try.
    Who names no payment method has the grace that was told.
29. What of a payment that is told after its invoice was given up? A renewal that was paid in time makes the plan good from
    now on; all else goes back. Periods between are renewed then, each with a grace from now.
30. What does a change cost that is paid some days later? What was quoted by the days that are left then, whatever the plan
    costs by then; the old plan's days are its own. A change between month and year stays as it was quoted.
31. Of which fees does credit go back? Of those of the plan that it is credited to, the last paid first; then of the member's
    others, also the last paid first.
32. Who has had a trial? A person, also before it was merged.
33. When do points of a reward come back by time? With the midnight that ends it, or the version that withdraws it; a till
    that has it in hand, and is cut off, keeps it a minute longer than its hold. What is on its way, or was used, does not
    end.
34. What comes back with the last return of an order that a reward paid? The reward, used or not, with its points, its place
    in the stock and what a cause got. Of one that was over by then nothing: the order had nothing of it.
35. Who may lend for a reward? Nobody, where its points may come back by time.
36. Do rewards of a membership that has ended count for a limit? For who came back, yes; a merge brings nothing of them. Nothing
    of them comes back.
37. When is an award of a challenge given? When its number is reached in its window, as of the fact that reached it, before the
    gifts of tiers; it can be spent at once. By what the version of that fact asks, and with a new version's beginning by what
    that one asks of a window that has not ended.
38. When is one taken back? When a return or a correction leaves its number unmet, by what its own version asked; one that
    stays by its setting is not given again. Points of it that were spent are missing of the next awards, as with gifts.
39. Which points go with an award of a badge that others give too? Its challenge's, and what the badge gave for being had so many
    times: as if the one that goes had never been.
40. What have merged customers met? What both did. What either was given stays; what both together have not met so often goes as
    soon as less is met.
41. Which order earns a referral? Of those since the claim of which something is kept, the first, or the first that is large
    enough, in whatever order they were told; it is earned as of that order, and stays earned while any does it.
42. What becomes of it when friend or referrer leaves? A friend that leaves while the rewards wait ends it for good. What was
    given to a membership that has ended is not taken of the next one, and who was no member then gets nothing.
43. What do merged customers have of referrals? Whom either referred; of two by which they came the earlier one; none of each
    other.
44. What makes a reward good that is given again? What of the same one could not be taken back, first.
45. When do a referrer's limit and the budget count? When a reward is earned, the friend's before the referrer's: whole, or not
    at all.
46. Which referral of a ring ends? That by which somebody came who turned out to be another one, where a merge closes it. One
    that was taken back is in none, and is not earned again where it would close one.
"""
