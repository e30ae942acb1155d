"""Laws that hold for every policy: completions, order, form, and what a Deny can and cannot do."""

from __future__ import annotations

import itertools
import re

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from v7s3.access.evaluate import AccessRequest, evaluate, is_public
from v7s3.access.policy import PolicyDocument
from v7s3.errors import UsageError

V7 = "arn:aws:iam::258327614892:role/external_s3"
BUCKET = "arn:aws:s3:::bucket"
KEYS = ("aws:PrincipalTag/a", "aws:PrincipalTag/b")
SET_KEY = "aws:TagKeys"

# ------------------------------------------------------------------------------------------------ policies to be tried

texts = st.sampled_from(["a", "b", "ab", "a*", "*b", "?", "*", "A", ""])
operators = st.sampled_from(
    ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"]
)
suffixes = st.sampled_from(["", "IfExists"])
values = st.lists(texts, min_size=1, max_size=2, unique=True)
plain_blocks = st.tuples(st.tuples(operators, suffixes).map("".join), st.sampled_from(KEYS), values)
null_blocks = st.tuples(st.just("Null"), st.sampled_from([*KEYS, SET_KEY]), st.sampled_from([["true"], ["false"]]))
set_blocks = st.tuples(
    st.tuples(st.sampled_from(["ForAnyValue:", "ForAllValues:"]), operators).map("".join), st.just(SET_KEY), values
)
resources = st.lists(
    st.sampled_from([f"{BUCKET}/{key}" for key in ("*", "p/*", "p/a*", "p/*b", "p/?", "p/ab", "q/*", "p/")]),
    min_size=1,
    max_size=2,
    unique=True,
)


@st.composite
def statements(draw, blocks=plain_blocks | null_blocks | set_blocks, effect=None):
    conditions: dict[str, dict[str, list[str]]] = {}
    for operator, key, chosen in draw(st.lists(blocks, max_size=2)):
        conditions.setdefault(operator, {})[key] = chosen
    return {
        "Effect": effect or draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        "Principal": draw(st.sampled_from(["*", {"AWS": V7}, {"AWS": ["258327614892", "*"]}, {"AWS": "111122223333"}])),
        draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(
            st.sampled_from([["s3:GetObject"], ["s3:Get*", "s3:Put*"], ["s3:PutObject"]])
        ),
        draw(st.sampled_from(["Resource", "Resource", "Resource", "NotResource"])): draw(resources),
        "Condition": conditions,
    }


policies = st.lists(statements(), min_size=1, max_size=4)
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def ask(policy, context=None, resource=f"{BUCKET}/p/ab"):
    document = PolicyDocument.parse({"Version": "2012-10-17", "Statement": policy})
    return evaluate(document, AccessRequest(V7, "s3:GetObject", resource, context or {}))


# ------------------------------------------------------- an oracle for complete contexts: two-valued, and by regex


def covers(glob: str, text: str, flags=re.DOTALL) -> bool:
    pattern = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in glob)
    return re.fullmatch(pattern, text, flags) is not None


def condition_holds(operator: str, key: str, wanted, context) -> bool:
    found = context[key]
    found = [found] if isinstance(found, str) else found
    if operator == "Null":
        return (found is None) == (wanted == ["true"])
    quantifier, _, base = operator.rpartition(":")
    if found is None:
        return quantifier == "ForAllValues" or base.endswith("IfExists") or ("Not" in base and not quantifier)
    base = base.removesuffix("IfExists")

    def one(value: str) -> bool:
        match base.replace("Not", ""):
            case "StringEquals":
                matched = value in wanted
            case "StringEqualsIgnoreCase":
                matched = value.lower() in [each.lower() for each in wanted]
            case _:
                matched = any(covers(glob, value) for glob in wanted)
        return matched != ("Not" in base)

    return any(map(one, found)) if quantifier == "ForAnyValue" else all(map(one, found))


def oracle(policy, context, resource) -> str:
    def applies(statement) -> bool:
        principal = statement["Principal"]
        named = [principal] if principal == "*" else principal["AWS"]
        listed = "Action" in statement
        actions = statement["Action" if listed else "NotAction"]
        positive = "Resource" in statement
        arns = statement["Resource" if positive else "NotResource"]
        return (
            bool({"*", V7, "258327614892"} & {*([named] if isinstance(named, str) else named)})
            and any(covers(action, "s3:GetObject") for action in actions) == listed
            and any(covers(arn, resource) for arn in arns) == positive
            and all(
                condition_holds(operator, key, wanted, context)
                for operator, block in statement["Condition"].items()
                for key, wanted in block.items()
            )
        )

    effects = {statement["Effect"] for statement in policy if applies(statement)}
    return "allowed" if effects == {"Allow"} else "denied"


SINGLE = [None, "a", "b", "ab", "A", "bb", "xyz"]
SEVERAL = [None, ["a"], ["b"], ["a", "b"], ["xyz"], ["a", "xyz"], ["A", "ab", "bb"]]
COMPLETIONS = [
    {KEYS[0]: first, KEYS[1]: second, SET_KEY: several}
    for first, second, several in itertools.product(SINGLE, SINGLE, SEVERAL)
]

# ----------------------------------------------------------------------------------------------------------- the laws


@SETTINGS
@given(policies)
def test_an_answer_holds_under_every_completion_of_the_context(policy):
    effect = ask(policy).effect
    outcomes = {oracle(policy, completion, f"{BUCKET}/p/ab") for completion in COMPLETIONS}
    assert effect == "depends" or outcomes == {effect}


@SETTINGS
@given(policies, st.sampled_from(COMPLETIONS))
def test_a_complete_context_gets_the_answer_of_plain_two_valued_logic(policy, completion):
    assert ask(policy, completion).effect == oracle(policy, completion, f"{BUCKET}/p/ab")


@SETTINGS
@given(policies)
def test_depends_names_a_case_of_each_kind_that_turns_out_as_said(policy):
    decision = ask(policy)
    if decision.effect == "depends":
        assert decision.unknown_keys
        assert decision.unknown_conditions
        assert decision.allowed_when is not None
        assert decision.denied_when is not None
        assert ask(policy, decision.allowed_when).effect == "allowed"
        assert ask(policy, decision.denied_when).effect == "denied"


@SETTINGS
@given(policies, st.sampled_from(COMPLETIONS), st.sets(st.sampled_from([*KEYS, SET_KEY])))
def test_knowing_less_never_contradicts_knowing_more(policy, completion, forgotten):
    less = {key: value for key, value in completion.items() if key not in forgotten}
    assert ask(policy, less).effect in ("depends", ask(policy, completion).effect)


@SETTINGS
@given(policies, statements(effect="Deny"), st.sampled_from([{}, *COMPLETIONS]))
def test_one_more_deny_never_lets_anybody_in(policy, deny, context):
    before, after = ask(policy, context).effect, ask([*policy, deny], context).effect
    assert after in {"denied": ("denied",), "depends": ("depends", "denied")}.get(
        before, ("allowed", "depends", "denied")
    )


@SETTINGS
@given(policies, statements(effect="Allow"), st.sampled_from([{}, *COMPLETIONS]))
def test_one_more_allow_never_shuts_anybody_out(policy, allow, context):
    before, after = ask(policy, context).effect, ask([*policy, allow], context).effect
    assert after in {"allowed": ("allowed",), "depends": ("depends", "allowed")}.get(
        before, ("allowed", "depends", "denied")
    )


@SETTINGS
@given(policies, st.randoms(use_true_random=False), st.sampled_from([{}, *COMPLETIONS]))
def test_the_order_of_statements_and_values_does_not_matter(policy, random, context):
    shuffled = [
        {
            **{name: value for name, value in statement.items() if name != "Condition"},
            "Condition": {
                operator: {key: random.sample(wanted, len(wanted)) for key, wanted in block.items()}
                for operator, block in statement["Condition"].items()
            },
        }
        for statement in random.sample(policy, len(policy))
    ]
    assert ask(shuffled, context).effect == ask(policy, context).effect


@SETTINGS
@given(policies, st.sampled_from([{}, *COMPLETIONS]))
def test_a_list_of_one_is_its_only_element(policy, context):
    def scalar(value):
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    plain = [
        {
            **{name: scalar(value) for name, value in statement.items()},
            "Condition": {
                operator: {key: scalar(wanted) for key, wanted in block.items()}
                for operator, block in statement["Condition"].items()
            },
        }
        for statement in policy
    ]
    assert ask(plain, context).effect == ask(policy, context).effect
    if len(plain) == 1:
        assert ask(plain[0], context).effect == ask(policy, context).effect


@SETTINGS
@given(policies, st.sampled_from([str.upper, str.lower, str.title]), st.sampled_from([{}, *COMPLETIONS]))
def test_the_case_of_condition_keys_does_not_matter(policy, change, context):
    changed = [
        {
            **statement,
            "Condition": {
                operator: {change(key): wanted for key, wanted in block.items()}
                for operator, block in statement["Condition"].items()
            },
        }
        for statement in policy
    ]
    assert ask(changed, context).effect == ask(policy, context).effect


ASKED = ["p/", "p/a", "p/b", "p/ab", "p/xb", "p/ax", "p/x", "p/xyz", "p/a/b", "p//"]


@SETTINGS
@given(policies, st.sampled_from([{}, *COMPLETIONS]))
def test_an_answer_for_a_prefix_holds_for_every_key_below_it(policy, context):
    effect = ask(policy, context, f"{BUCKET}/p/*").effect
    if effect != "depends":
        assert {ask(policy, context, f"{BUCKET}/{key}").effect for key in ASKED} == {effect}


@SETTINGS
@given(policies, st.sampled_from(COMPLETIONS))
def test_a_prefix_is_open_only_when_its_keys_differ(policy, completion):
    decision = ask(policy, completion, f"{BUCKET}/p/*")
    if decision.effect == "depends":
        for expected, example in (("allowed", decision.allowed_when), ("denied", decision.denied_when)):
            assert example is not None
            assert oracle(policy, completion, example["resource"]) == expected


# --------------------------------------------------------------------------------------------- other types of values

TYPED = {
    "aws:SourceIp": (
        ("IpAddress", "NotIpAddress", "IpAddressIfExists"),
        ("10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "::/0", "2001:db8::/32", "10.1.2.3"),
        (None, "10.1.2.3", "10.200.0.1", "11.0.0.0", "9.255.255.255", "2001:db8::9", "::1"),
    ),
    "s3:signatureAge": (
        ("NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals", "NumericLessThanIfExists"),
        ("1", "2", "2.0", "10"),
        (None, "-5", "0", "1", "1.5", "2", "3", "10", "10.0", "1e3"),
    ),
    "aws:CurrentTime": (
        ("DateEquals", "DateLessThan", "DateGreaterThan", "DateNotEquals", "DateLessThanEquals"),
        ("2026-01-01T00:00:00Z", "2026-01-01", "2026-06-30T12:00:00+02:00", "1767225601"),
        ("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2026-03-01", "2030-01-01T00:00:00Z"),
    ),
    "aws:SecureTransport": (("Bool", "BoolIfExists", "StringEquals", "Null"), ("true", "false"), ("true", "false")),
    "aws:SourceVpcArn": (
        ("ArnLike", "ArnNotLike", "StringLike", "ArnEqualsIfExists", "StringNotEquals"),
        ("arn:aws:ec2:*:1:vpc/*", "arn:aws:ec2:eu-west-1:1:vpc/a", "arn:aws:ec2:*:*:vpc/?"),
        (None, "arn:aws:ec2:eu-west-1:1:vpc/a", "arn:aws:ec2:x:1:vpc/bb", "arn:aws:ec2:x:2:vpc/b", "arn:aws:s3:::x"),
    ),
}


@st.composite
def typed_blocks(draw):
    key = draw(st.sampled_from(sorted(TYPED)))
    operators, constants, _ = TYPED[key]
    operator = draw(st.sampled_from(operators))
    chosen = st.lists(st.sampled_from(constants), min_size=1, max_size=1 if operator == "Null" else 2, unique=True)
    return operator, key, draw(chosen)


typed_policies = st.lists(statements(blocks=typed_blocks()), min_size=1, max_size=4)
typed_contexts = st.fixed_dictionaries({key: st.sampled_from(samples) for key, (_, _, samples) in TYPED.items()})


@SETTINGS
@given(typed_policies, st.lists(typed_contexts, min_size=1, max_size=8), st.sets(st.sampled_from(sorted(TYPED))))
def test_values_of_every_type_complete_to_allowed_or_denied_and_never_contradict(policy, contexts, forgotten):
    for context in contexts:
        complete = ask(policy, context).effect
        assert complete in ("allowed", "denied")
        less = {key: value for key, value in context.items() if key not in forgotten}
        assert ask(policy, less).effect in ("depends", complete)


@SETTINGS
@given(typed_policies)
def test_examples_of_every_type_turn_out_as_said(policy):
    decision = ask(policy)
    if decision.effect == "depends":
        assert decision.allowed_when is not None
        assert decision.denied_when is not None
        assert ask(policy, decision.allowed_when).effect == "allowed"
        assert ask(policy, decision.denied_when).effect == "denied"


# --------------------------------------------------------------------------------------------------- whatever is asked

anything = st.text(alphabet="aA*?:/$ {}'.,0129-\u00e4", max_size=12)
snippets = anything | st.sampled_from(
    [
        "*",
        V7,
        f"{BUCKET}/*",
        "arn:aws:s3:::bucket/${aws:username}/*",
        "${aws:PrincipalTag/x, 'd'}",
        "10.0.0.0/8",
        "1e9",
        "2026-02-30",
    ]
)
any_operator = anything | st.sampled_from(
    ["Bool", "Null", "IpAddress", "NumericLessThan", "DateGreaterThan", "BinaryEquals", "ArnLike", "StringLike"]
).flatmap(lambda base: st.sampled_from([base, base + "IfExists", "ForAllValues:" + base, "ForAnyValue:" + base]))
any_key = anything | st.sampled_from(["aws:SourceIp", "aws:userid", "aws:TagKeys", "s3:prefix", "aws:CurrentTime"])
any_texts = st.lists(snippets, max_size=3)
any_statements = st.builds(
    lambda effect, principal, action, resource, condition: {
        "Effect": effect,
        **principal,
        **action,
        **resource,
        "Condition": condition,
    },
    st.sampled_from(["Allow", "Deny"]),
    st.dictionaries(
        st.sampled_from(["Principal", "NotPrincipal"]),
        st.just("*") | st.dictionaries(anything | st.just("AWS"), any_texts),
        max_size=1,
    ),
    st.dictionaries(st.sampled_from(["Action", "NotAction"]), any_texts, min_size=1, max_size=1),
    st.dictionaries(st.sampled_from(["Resource", "NotResource"]), any_texts, min_size=1, max_size=1),
    st.dictionaries(any_operator, st.dictionaries(any_key, any_texts, max_size=2), max_size=2),
)


@SETTINGS
@given(
    st.lists(any_statements, max_size=3),
    snippets,
    snippets,
    anything,
    st.dictionaries(any_key, st.none() | snippets | any_texts, max_size=3),
)
def test_every_policy_that_can_be_read_gets_an_answer_with_its_trace(statements, principal, action, key, context):
    document = PolicyDocument.parse({"Version": "2012-10-17", "Statement": statements})
    try:
        request = AccessRequest(principal, action, f"{BUCKET}/{key}", context)
    except UsageError:  # one key in two cases with two values
        assume(False)
    decision = evaluate(document, request)
    assert decision.effect in ("allowed", "denied", "depends")
    assert [result.index for result in decision.trace] == list(range(len(statements)))
    assert is_public(document) in (True, False)
    if decision.effect == "depends":
        assert decision.unknown_keys
        assert decision.because
