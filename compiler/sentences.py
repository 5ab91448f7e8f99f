"""Controls as normalised sentences: what people read in decisions, reports and the graph."""

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.metrics import METRICS
from charter.compiler.units import Quantity, plain, show
from charter.dsl import ast


def bound_sentence(bound: model.Bound) -> str:
    """`demographic_parity_difference over sex <= 0.1 with confidence 95%`."""
    node = bound.node
    words = [bound.metric]
    if bound.each:
        words.append(f"of each {bound.each}")
    if bound.over:
        words.append(f"over {bound.over}")
    if node.attack is not None:
        words.append(f"under attack {attack_text(node.attack)}")
    if bound.on:
        words.append(f"on {bound.on}")
    if bound.champion is not None:
        words.append(f"not worse than {bound.champion}")
        words += [f"by more than {shown(bound.metric, bound.margin)}"] if bound.margin is not None else []
    if bound.comparison and bound.quantity:
        words.append(f"{bound.comparison} {shown(bound.metric, bound.quantity)}")
    if bound.confidence is not None:
        words.append(f"with confidence {plain(bound.confidence * 100)}%")
    if bound.checks is not None:
        words.append(f"for {bound.checks} checks" if bound.checks != 1 else "for 1 check")
    if bound.seconds is not None:
        words.append(f"for {show(Quantity(bound.seconds, 'seconds'))}")
    if bound.grade != "measured":
        words.append(f"graded {bound.grade}")
    if node.reaction is not None:
        words.append(f"otherwise {node.reaction.action.text}")
        words += [node.reaction.to.text] if node.reaction.to else []
    return " ".join(words)


def attack_text(attack: ast.Call) -> str:
    """`fgsm(eps: 0.05)`."""
    given = (
        f"{entry.key.text}: {plain(entry.value.value) if isinstance(entry.value, ast.Number) else '?'}"
        for entry in attack.arguments
    )
    return f"{attack.name.text}({', '.join(given)})"


def shown(metric: str, quantity: Quantity) -> str:
    """A bound as people read it, in the metric's own unit."""
    known = METRICS.get(metric)
    return show(quantity, wanted=known.unit if known else None)


def approval_sentence(approval: model.Approval, attested: tuple[model.Dataset, ...] = ()) -> str:
    """`2 of risk-officer, none of them owner, trainer`; with the datasets whose class they attest by signing."""
    role = approval.role.text if approval.role else "?"
    excluding = ", ".join(name.text for name in approval.excluding)
    said = f"{approval.quorum} of {role}" + (f", none of them {excluding}" if excluding else "")
    for dataset in attested:
        level = read.word(dataset.clause("attested as"), "level")
        said += f"; they attest that {dataset.name} identifies no person and is {level}"
    return said


def policy_sentence(policy: model.Policy) -> str:
    """`policies/no_proxy.rego, mandatory, serves eu-ai-act Art. 10(2)(f)`."""
    path = policy.rego.value if policy.rego else "?"
    clauses = ", ".join(satisfied(policy))
    return f"{path}, {policy.enforce}" + (f", serves {clauses}" if clauses else "")


def satisfied(policy: model.Policy) -> tuple[str, ...]:
    """The clauses that a policy serves, as `pack clause`."""
    return tuple(f"{read.word(clause, 'pack')} {read.word(clause, 'clause')}".strip() for clause in policy.satisfies)
