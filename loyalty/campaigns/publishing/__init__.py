"""
A campaign as its retailer writes it: drafted, checked, looked at, published, paused, ended, and written as a file.

`managing` writes what becomes of a campaign, `documents` a draft from a file, `ready_made` one from a journey that ships with
this (`ready/`), and `moving` takes who is on an earlier version to the one in force, where that is asked for. `starting` is
the start with its question. The others read: `checking` what is wrong with a version, `audience` whom it would find,
`describing` and `outlook_words` say both in words, `previewing` shows a step as one member would get it, and `outdated`
refuses a file that was made from another state.

Edges import this, and the demonstration; nothing else of campaigns does.
"""
