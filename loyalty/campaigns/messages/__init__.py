"""
What is due to somebody: queued, claimed, sent, settled, and told of by its provider.

`queueing` is the only way in, with a cause that makes a message unique. `claiming` takes what is due under its recipients'
locks: `loading` reads (a fixed number of statements), `deciding` asks `rules.planning` and writes nothing, and the claim is
written and committed before anything leaves. `sending` then renders (`rendering`, `texts`) and gives it to a way out, within
`speed` and `turns`; `settling` writes the answers down, and `receiving` what a provider tells later. `reading` is the inbox,
and why.

Whoever has something to say imports `queueing`; journeys and publishing read by `loading`. This knows no journey: what an
entry waits for is columns of its message.
"""
