"""Every reason why V7 would not see a bucket, in one run.

probe.py        what a probe is, and the one way its failures become words
run.py          which probe runs when: side by side, none before what it depends on, none for ever
probes.py       the probes, in the order in which they are reported
reads.py        what they ask AWS and V7, each question once; sample.py chooses the objects
rules.py        what can be wrong: BKT, PAB, OWN, ENC, OBJ, KEY, CAN
naming.py, public.py, ownership.py, encryption.py, contents.py, uploads.py
                from answers to findings, without asking anybody
canary.py       one small picture through the whole chain and out again
"""
