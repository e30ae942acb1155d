"""Every reason why V7 would not see a bucket, in one run.

    probe.py        what a probe is, and the one way its failures become words
    run.py          which probe runs when: side by side, none before what it depends on, none for ever
    probes.py       the probes, in the order in which they are reported; offline.py those that need no network
    reads.py        what they ask AWS and V7, each question once, through aws.py and v7.py
    rules.py        what can be wrong: BKT, PAB, OWN, ENC, OBJ, KEY, CAN
    naming.py, public.py, ownership.py, encryption.py, contents.py, uploads.py, sample.py
                    from answers to findings, without asking anybody
    canary.py       one small picture (png.py) through the whole chain and out again
    permissions.py, bundle.py
                    the IAM policy an operator needs; the file for support

The 32 causes of a 403 that the project knows of, and where each is looked for:

    identity        credentials of the person who runs this: none, expired, unknown
    name            dots in the name; directory buckets, access points, Outposts, Object Lambda
    bucket          no such bucket, another account's, opt-in regions and other partitions
    policy          none, on IAM instead of the bucket, /* or prefix missing, wrong principal, explicit Deny (address,
                    VPC, organisation, TLS, NotPrincipal), no PutObject, upload headers, no ListBucket for MIRAX,
                    delegation to access points
    public-access   RestrictPublicBuckets and another statement that is public
    ownership       objects of other accounts
    encryption      KMS keys that do not let V7 in, aws/s3, disabled keys, SSE-C
    requester-pays  Requester Pays
    archive         archived objects, lifecycle rules
    objects         keys that do not exist, delete markers, empty or wrongly typed objects
    tags            malware-scan tags and other tag conditions
    uploads         Object Lock
    cors, cors-live CORS missing, wrong, or not yet everywhere
    storage         another region, bucket or prefix on V7's record
    organisation    SCPs, RCPs, declarative and endpoint policies: cannot be seen
    v7-side         V7's own rights, presigned URLs that ended, transfer acceleration, evidence in logs: cannot be seen
"""
