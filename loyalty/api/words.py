"""What fields mean whose names mean the same everywhere; a field that says more of itself keeps its own words."""

from typing import Any

WORDS = """
account | Of the accounts, by its code.
acquisition_channel | Through which channel the customer was won.
acquisition_cost | What it cost to win the customer, in the retailer's currency.
after | What it says, or what is owed, afterwards.
amount | In the currency of the answer, or of the retailer.
approve | Whether it is a referral.
as_of | The day to which it holds.
asked_at | When it was asked for.
assigned_at | When the customer was assigned.
at_risk | Whether the customer is about to stop buying.
attempts | How often it was tried.
author | Who decided it.
available | Points that can be spent.
available_change | By how much what can be spent changed.
badge | The code of the badge.
badges | The badges of the program.
before | What it said, or what was owed, before.
benefits | What it gives, in the caller's language.
birth_date | The day of birth.
boards | The leaderboards of the program.
brand | The product's brand.
breakage | Of the value, what is not expected to be redeemed.
bucket | From 0 to 9999: which customers are where.
budget | What it may cost at most.
calibration_cut | The day at which the data were cut to test the model.
can_be_spent | Whether its points can be spent, or only count.
candidates | Among how many it is drawn.
category | The product's category.
challenge | The code, or the id, of the challenge.
challenges | The challenges of the program.
changes | What was changed.
channel | Through which channel, such as web or store.
checking | How many are being looked into.
claimed_at | When it was claimed.
code | By which it is called.
code_version | Of the code that computed it.
cost_per_member | What it cost for each of them.
costed_share | For which part of what was sold, however paid, costs are known.
count | How many there are.
credit | Booked as credit.
credit_used | What earlier payments covered.
currency | By its ISO 4217 code.
current | What the member has now; null for none.
customer | Your own id of the customer.
customers | How many customers there are.
data_digest | What tells whether the data were the same.
debit | Booked as debit.
deferred_before | What was deferred before the month.
description | In words, in the caller's language.
detail | What is wrong in words, in the caller's language.
detectable | What planning computed: which effect it can show.
deviation | In what it departs from what was planned.
device | What tells the device, as your systems know it.
differences | What does not add up.
discount | What was taken off.
drawn_at | When it was drawn.
drawn_by | Who drew it.
duration_days | How many days it runs.
early_access | Whether sales open earlier for it.
earned | Of the fees, what this month earned.
earned_at | When it earned its rewards.
effective_from | From when it is in force.
effects | What it caused, program by program.
email | The e-mail address.
ended | How many have ended.
ended_at | When it ended; null while it has not.
enrolled_at | When the customer became a member.
errors | What is wrong, each with its place.
event | What happened, as a code.
expected_order_value | What an order is expected to come to.
expected_purchases | How many purchases are expected.
experiment | The code of the experiment.
experiments | The experiments, or how many there are.
expires_at | Until when it is good; null for no end.
expires_next_points | How many points expire next.
explanation | Why, as data: which rule gave what, which limit cut it.
exposed_at | When the customer was first concerned.
external_id | Your own id of the customer.
failure | Why it failed; empty where it has not.
findings | What is wrong, and what may not be meant.
finished_at | When it was finished.
first_day | The first day on which it counts.
first_name | The given name.
first_order_only | Whether only the friend's first order counts.
first_value | What the first order came to.
form | What the parts differ in.
formula_value | What the customer is worth by the formula.
free_shipping | Whether orders are shipped for nothing.
given_at | When it was given; null where it was not.
goals | What has to be done.
granted | Whether it was agreed to, or withdrawn.
has_values | Whether it gave values.
held | Points that are set aside.
held_at | When it was held.
held_until | Until when it is held; null where it is not.
historic_margin | What the customer's orders earned.
historic_revenue | What the customer's orders came to.
holds | How many holds are open.
horizon_days | How many days ahead it looks.
id | Ours.
identified_at | The earliest instant at which the customer is known.
identified_by | How the customer was known, such as card or account.
image | The address of its picture; empty for none.
instance | The path that was asked.
interactions | How many interactions there are.
ip | The address from which it came.
is_control | Whether nothing is done to this part.
is_drawn | Whether it was drawn.
is_error | Whether it stops what was asked.
is_gift | Whether it is bought for somebody else.
is_held_out | Whether the customer is kept out.
is_me | Whether it is the caller.
is_running | Whether it runs now.
issued_at | When it was issued.
joined_at | When the member joined; null where it has not.
journal | What is to be booked.
kind | Of which kind it is, as a code.
kind_label | The same in the caller's language.
known_at | Up to when facts were known to it.
language | By its ISO 639-1 code.
last_day | The last day on which it counts; null for no end.
last_error | Why the last try failed.
last_failed_at | When the last try failed.
last_name | The family name.
layer | Which experiments exclude each other.
level | Which level was reached; 0 where there are none.
levels | The levels, the first one first.
liability | What is owed to members.
lines | One by one, in their order.
looked_at | When it was looked at.
lot | The number by which it is drawn.
lots | How many lots there are.
made_at | When it was made.
margin_rate | Of revenue, what is earned.
match_percent | How much the retailer adds to a donation.
matched | What the retailer adds.
may_cancel | Whether a member may cancel it.
member_limit | How often a member may have it.
member_number | The member's number, of 16 digits.
member_period | In which time that counts.
members | The members, or how many there are.
members_done | How many members are done.
members_total | How many members there are.
memberships | Where the customer is a member.
message | What is found, in the caller's language.
metric | What is compared.
mine | What the caller has; null for nothing.
minimum_amount | From which amount on it is good.
minutes | For how many minutes it is held.
model | By which model it was computed.
movements | How many movements there are.
multiplier | By which points are multiplied.
name | In the caller's language, or as it was given.
net_amount | After discounts, in the retailer's currency.
never_bought | How many never bought.
next | What comes next; null for nothing.
no_reward | How many earned nothing.
note | In somebody's own words.
number | By which it is known: yours where you gave one.
occurred_at | When it happened.
offered | What can be had.
order | The number of the order; null or empty for none.
order_number | Your own number of the order.
orders | How many orders there are.
orders_done | How many orders are done.
owed | Points that later earnings repay first.
owed_after | What was owed after the month.
owed_change | By how much what is owed changed.
paid_at | When it was paid; null while it is not.
paid_with_points | The part that was paid with points.
path | The place in the document.
pending | What is not active yet.
pending_change | By how much what is not active yet changed.
pending_until | Until when its points wait.
percent | In percent.
phone | The phone number.
place | Where it stands.
plan | The code of the paid plan; null or empty for none.
plan_digest | What tells whether the plan was the same.
plan_hash | What tells whether the plan was the same.
points | How many points.
points_per_unit | How many points are one unit of money.
position | The line's position in the order, from 1.
predicted_value | What the customer is expected to be worth.
previous | What comes before; null for nothing.
prices | What it costs, by wallet and by whom.
prizes | What can be won.
probability_active | How likely it is that the customer still buys.
probability_of_buying | How likely it is that the customer buys again in that time.
program | The program's slug.
projected_on | On which day that is.
promotion_code | The code of the promotion; empty for none.
proposed_by | Who proposed it; empty for nobody.
proposed_for | From when it is to be in force.
proven | What the rows come to, or whether all adds up.
publishable | Whether it can be published.
published_at | When it was published; null for a draft.
purchase_days | On how many days the customer bought.
quantity | How many, with up to three decimals.
ran_at | When it was computed.
rank | The place among all, from 1.
reason | Why, as a code or in words; empty for no reason.
recorded_at | When it was told to us.
redeemed | How many were redeemed.
redeemed_at | When it was redeemed.
redemption | The id of the redeemed reward.
reference | Your own, once per member.
result | What it came to; null while it runs.
results | One for each row, in their order.
retailer | The retailer's name or slug.
returned_value | What came back.
review_note | What who decided says of it.
reviewed_at | When it was decided.
reviewed_by | Who decided it.
revision | What tells whether it was changed since.
reward | The code of the reward.
rewarded | How many earned a reward.
rewards | The rewards, or how many there are.
rows | One by one.
run | The computation that said so.
said | What it says, in the caller's language.
salt | Decides who is in which part.
score | The points that it has, or the answer that was given.
sections | What is held, app by app.
share_bp | The part's share of all, in ten-thousandths.
shipping_amount | What shipping cost.
since | From when.
sku | Your own number of the product.
slug | By which it stands in addresses.
source | Where it was said, such as web or till.
starts_at | When it starts.
status | What has become of it.
status_words | The same in the caller's language.
step | What is being done.
steps_done | How many steps are done.
steps_total | How many steps there are.
store | The store in which it was bought; empty for none.
stored | What is stored.
suspicions | What is suspicious of it.
tags | What kind of customer it is.
target | How much is needed.
text | In words.
threshold | What has to be reached.
tier | The tier, or its code; empty for none.
tier_changed_to | The code of the tier that it led to; null for no change.
till | Which till it is.
times_out_at | When it ends by itself.
title | In a few words.
to_next | How much is missing for the next one.
token | The secret by which it is used.
total_high | At most, with that probability.
total_low | At least, with that probability.
total_value | Of all customers together.
two_to_publish | Whether somebody else has to publish what somebody proposed.
type | A name of the kind of problem.
unit | Who is assigned: customers or households.
unit_cost | What a piece costs the retailer.
unit_price | What a piece costs the customer.
until | Until when.
used_at | When it was used; null while it is not.
valid_days | For how many days it is good.
valid_until | The last day on which it is good.
value | In money.
value_high | At most, with that probability.
value_if_active | What the customer is worth if it still buys.
value_low | At least, with that probability.
variant | The code of the part.
variants | The parts, each with its share.
version | Of the program, by its number.
voided_at | When it was voided; null while it is not.
voucher | What it is good for.
waiting | How many wait.
wallet | The wallet's code; `points` is the one that every program has.
wallets | The wallets, or how many there are.
what | Which kind of row it is.
window_days | Over how many days it is compared.
within | Of which it is a part.
zone | The time zone, such as Europe/Paris.
"""
MEANINGS = dict(line.split(" | ", 1) for line in WORDS.strip().splitlines())


def describe_fields(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Describe each field that does not describe itself."""
    for schema in result.get("components", {}).get("schemas", {}).values():
        for name, field in schema.get("properties", {}).items():
            if name in MEANINGS:
                field.setdefault("description", MEANINGS[name])
    return result
