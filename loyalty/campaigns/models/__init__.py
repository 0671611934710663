"""
What is said to whom, and what became of it.

- A **Recipient** is a customer as one who gets messages: its zone, language, preferred channel, quiet hours and pause. It is
  *the lock*: whatever is decided of a customer's messages is decided under its row, so that caps are exact. `next_due_at` is
  when something of it is next to be looked at: it may be early, never late. The row is made with the first message.
- A **MessageChannel** is how a retailer reaches people by one way (e-mail, SMS, push, webhook): by whom, how fast, in which
  hours. Where it has none, or it is switched off, nobody is reached by it; the inbox needs none. **SendingHours** are the
  retailer's quiet hours for all channels, **FrequencyCap**s how much a member gets at most.
- A **PushDevice** is a browser or an app that shows push messages, of whoever registered it last.
- An **Address** is what is known of an address, by a keyed hash: that it was verified, that it takes nothing any more. It is
  of an address, not of a person: a new one starts clean.
- A **Campaign** is a broadcast or a journey of a program; a **CampaignVersion** is its content, frozen at publication: the
  trigger, the exits, and **Step**s in order, each a wait or a message with a **StepText** for each channel and language.
  Entries finish on the version on which they entered.
- An **Entry** is `(campaign, customer, occurrence)`, once: the occurrence names the fact (`birthday:2026`, `cart:C1`,
  `lapse:2026-05-01`), so that a night that runs twice enters nobody twice. Who is held out has an entry that ended at once,
  with the same instant of exposure. While `next_at` is set, the step at `step` is to be taken then.
- An **Outcome** is what became of a step of an entry, or of a trigger that entered nobody, with its reason: "why did Ada not
  get it?" reads these. Append-only.
- A **Message** is one text for one customer. Its cause makes it unique. `due -> claimed -> accepted -> delivered | bounced |
  complained`, or failed, dropped, unknown; `held` while its campaign is paused. The claim commits before anything is sent;
  where no answer comes before `claimed_until`, it is `unknown`. What ended never becomes due again.
- A **Receipt** is what a provider told of a message later, once for each of its events. Append-only.
- A **WaitingFact** is an order, a return, a cart or a withdrawal that concerns a campaign, noted by a trigger of the database
  in the statement that records it, until it is looked at.
- A **Survey** is a question with a score for an answer. A step that asks one makes an **Invitation** for each customer who was
  not asked lately, with a link that answers it once: the **Answer**, append-only. A low score is a **FollowUp** for the staff.
- An **Offer** is a reward of the program that is given to members without points, from a budget, to those for whom it
  pays; an **OfferGrant** that one is a member's, once for each offer, customer and occurrence; an **OfferRefusal** that it
  is not, and why. What a grant reserves, the budget of the reward's own floor (loyalty.rewards) holds, and what it cost.
  **DiscountCap**s say how many discounts a member is given in its last days, by whatever offers.

Who is in which arm is not stored here: a campaign names an experiment (loyalty.experiments), whose control gets nothing.
"""

from loyalty.campaigns.models.campaign import Campaign, CampaignVersion
from loyalty.campaigns.models.channel import FrequencyCap, MessageChannel, SendingHours
from loyalty.campaigns.models.device import PushDevice
from loyalty.campaigns.models.entry import Entry, Outcome
from loyalty.campaigns.models.fact import WaitingFact
from loyalty.campaigns.models.message import Message, Receipt
from loyalty.campaigns.models.offer import DiscountCap, Offer, OfferGrant, OfferRefusal
from loyalty.campaigns.models.recipient import Address, Recipient
from loyalty.campaigns.models.step import Step, StepText
from loyalty.campaigns.models.survey import Answer, FollowUp, Invitation, Survey

__all__ = [
    "Address",
    "Answer",
    "Campaign",
    "CampaignVersion",
    "DiscountCap",
    "Entry",
    "FollowUp",
    "FrequencyCap",
    "Invitation",
    "Message",
    "MessageChannel",
    "Offer",
    "OfferGrant",
    "OfferRefusal",
    "Outcome",
    "PushDevice",
    "Receipt",
    "Recipient",
    "SendingHours",
    "Step",
    "StepText",
    "Survey",
    "WaitingFact",
]
