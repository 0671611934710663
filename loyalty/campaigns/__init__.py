"""
What is said and given to members, because of what, and what became of it.

From the top down; each room imports those below it alone, which an import contract holds:

- `admin`, `api`, `management`, `tasks`: edges. `pages` are parts of the admin's.
- `publishing`: a campaign as its retailer writes it, from the draft to its end.
- `journeys`: who enters a campaign, and goes from step to step of it.
- `messages`: what is due to somebody, sent and answered.
- `offering` gives members offers within budgets; `feedback` asks them what they think.
- `reaching`: by which addresses and devices a customer is reached, and how it wants to be.
- `models` are the rows, `transports` the ways out, `rules` the decisions; neither of the last two knows the database.

What several rooms share stands beside them: `outcomes` and `setting_aside` are written by journeys and by messages, documents
of campaigns and of offers have `document_parts`, and `reasons` puts codes into words. `privacy` is what all of it holds on a
person.
"""
