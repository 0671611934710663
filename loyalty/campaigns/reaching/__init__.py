"""
By which addresses and devices a customer is reached, and how it wants to be.

`addresses`, `devices`, `preferences` and `unsubscribing` write, each in the transaction of who calls it or in its own;
`merging` does so for a customer who is merged, in the merge's. `web` is the page behind the address in each message.

The member's page and the API come here, and what sends does. This imports models and ways out, and no campaign, journey or
message that is on its way: what is chosen here holds from the next look at a recipient on, whatever is planned for it.
"""
