"""Members redeem rewards, tills use them, staff send, cancel and refund them: the verbs, and what a member is shown."""
