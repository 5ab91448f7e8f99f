"""What can be said: every block, clause and argument, as one table.

The parser's clause names, the checker's did-you-mean, `charter explain` and the reference are all
derived from here, so that they cannot disagree. What is marked `runs=False` is proved and compiled like any other, and
refused by the stage that would have to do it.
"""

from typing import Literal

from msgspec import Struct


class Argument(Struct, frozen=True):
    """One argument of a clause or header.

    `type` is one of: word, ref (dotted), words (comma list of refs), numbers (comma list), text, integer,
    duration, date, control, mapping, parts (`train 70%, test 30%`), entries (`data "..", legal ".."`),
    quantity, steps (`10% -> 100%`), `ref or text`.
    `means` are the kinds of declaration whose names may stand there; completion offers those.
    `idle` are those of its choices that no stage can do yet; of an argument without choices, its own name.
    """

    name: str
    type: str
    choices: tuple[str, ...] = ()
    optional: bool = False
    means: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()


class ClauseForm(Struct, frozen=True):
    """One clause of a block: its spelling, arguments, meaning in a sentence, and an example line.

    `syntax` says what follows the keyword: `{name}` stands for an argument, a word for itself, and
    `[...]` for what may be left out, `|` for another way to say it. Empty means: the arguments in
    order, an optional one behind its name.
    `instead_of` names required clauses that need not be given where this one is.
    """

    keyword: str
    arguments: tuple[Argument, ...]
    doc: str
    example: str
    repeatable: bool = False
    required: bool = False
    runs: bool = True
    children: tuple["ClauseForm", ...] = ()
    syntax: str = ""
    instead_of: tuple[str, ...] = ()


class BlockForm(Struct, frozen=True):
    """One top-level declaration: keyword, header arguments beyond its name, and clauses.

    In a header every argument stands behind its own name (`of scorecard on holdout`), unless `syntax`
    says otherwise. A block without `named` takes its name from its `of`, if it has one; one without clauses
    has no body.
    """

    keyword: str
    header: tuple[Argument, ...]
    doc: str
    example: str
    clauses: tuple[ClauseForm, ...] = ()
    syntax: str = ""
    named: bool = True
    runs: bool = True


class ControlPart(Struct, frozen=True):
    """One part of a control beside its metric, its comparison and its bound.

    `place` is where it stands: before the bound, in place of it, or behind. `choices` and `means` are of what
    follows its words, as in an argument.
    """

    words: str
    place: Literal["scope", "bound", "tail"]
    syntax: str
    doc: str
    choices: tuple[str, ...] = ()
    means: tuple[str, ...] = ()
    runs: bool = True


LEVELS = ("advisory", "mandatory", "absolute")
GRADES = ("measured", "attested", "reproduced")
"""Grades of evidence that a bound may ask for, the least first. `declared` is none of them: what a team's own code
claims is no evidence of anything."""
REACTIONS = ("retrain", "rollback", "alert", "retire")
COMPARISONS = (">=", "<=", ">", "<", "==")

CONTROL_PARTS: tuple[ControlPart, ...] = (
    ControlPart(
        "of each",
        "scope",
        "of each X",
        "One value for each group of a column, or for each `feature`; all of them must hold.",
        choices=("feature",),
    ),
    ControlPart("over", "scope", "over X", "Compares the groups of a protected attribute."),
    ControlPart(
        "under attack",
        "scope",
        "under attack A(…)",
        "In an `evaluation`: measured on rows that were changed to deceive the model, by `fgsm(eps: 0.05)` or "
        "`pgd(eps: 0.05, steps: 10)`.",
        runs=False,
    ),
    ControlPart(
        "on",
        "scope",
        "on DATA",
        "In a `monitor`: measured on these rows, such as feedback.",
        means=("dataset",),
        runs=False,
    ),
    ControlPart(
        "not worse than",
        "bound",
        "not worse than R [by more than M]",
        "In an `evaluation`, in place of a bound: no worse than the `champion`, which is what is live.",
        choices=("champion",),
        runs=False,
    ),
    ControlPart(
        "with confidence",
        "tail",
        "with confidence P",
        "The worse end of the confidence interval must clear the bound, not the estimate.",
        means=("parameter",),
    ),
    ControlPart(
        "for",
        "tail",
        "for DURATION | N checks",
        "In a `retirement`: the last so many checks of a monitor must all say so. A duration, for so long without a "
        "break, is **not run yet**.",
    ),
    ControlPart(
        "graded",
        "tail",
        "graded GRADE",
        "In a `dataset` or an `evaluation`: the least grade of evidence that is accepted. `attested` takes the "
        "signature of a role (`charter attest`), `reproduced` a second measurement by somebody else "
        "(`charter reproduce`). `measured` goes without saying.",
        choices=GRADES,
    ),
    ControlPart(
        "otherwise",
        "tail",
        "otherwise REACTION",
        "In a `monitor`: what follows a breach; `alert` names a role.",
        choices=REACTIONS,
    ),
    ControlPart(
        "enforce",
        "tail",
        "enforce LEVEL",
        "Advisory warns, mandatory denies, absolute cannot be waived. `mandatory` goes without saying.",
        choices=LEVELS,
    ),
)
"""What may be said in a control, in its order."""


def _arg(
    name: str,
    type_: str,
    *choices: str,
    optional: bool = False,
    means: tuple[str, ...] = (),
    idle: tuple[str, ...] = (),
) -> Argument:
    return Argument(name, type_, choices, optional, means, idle)


FIRST = ("evaluation", "approval", "deployment", "monitor")
"""What an `after` may name."""
GATING = ("evaluation", "policy", "monitor", "approval", "dataset")
"""What can mitigate a hazard: whatever a gate decides on."""

_REQUIRE = ClauseForm(
    "require",
    (_arg("control", "control"),),
    "A bound that must hold before the lifecycle goes on; mandatory unless it says otherwise.",
    "require roc_auc >= 0.75 with confidence 95%",
    repeatable=True,
)
_AFTER = ClauseForm(
    "after", (_arg("stages", "words", means=FIRST),), "What must be green first.", "after holdout, parity"
)

BLOCKS: tuple[BlockForm, ...] = (
    BlockForm(
        "lifecycle",
        (),
        "The AI system this charter is about; every charter has exactly one.",
        "lifecycle credit-risk {",
        (
            ClauseForm(
                "version",
                (_arg("value", "text"),),
                "Version of the system, free text.",
                'version "2.1.0"',
                required=True,
            ),
            ClauseForm(
                "owner",
                (_arg("value", "text"),),
                "Who answers for it.",
                'owner "credit@bank.example"',
                required=True,
            ),
            ClauseForm(
                "purpose",
                (_arg("value", "text"),),
                "What it is for, in a sentence.",
                'purpose "Estimate default risk."',
                required=True,
            ),
            ClauseForm(
                "risk",
                (_arg("level", "word", "prohibited", "high", "limited", "minimal"),),
                "Risk class in the terms of the EU AI Act.",
                "risk high",
                required=True,
            ),
            ClauseForm(
                "extends",
                (_arg("path", "text"), _arg("digest", "text", optional=True)),
                "A baseline, pinned by its digest, that this charter may tighten and never weaken.",
                'extends "../bank-baseline.charter" digest "sha256:9f2c..."',
            ),
            ClauseForm(
                "use policies",
                (_arg("packs", "words", optional=True), _arg("from", "text", optional=True, idle=("from",))),
                "Rule packs that apply, by name, or from a directory.",
                "use policies core",
                repeatable=True,
                syntax="[{packs}] [from {from}]",
            ),
        ),
    ),
    BlockForm(
        "import",
        (_arg("path", "text"),),
        "Declarations that stand in another file.",
        'import "shared/roles.charter"',
        syntax="{path}",
        named=False,
    ),
    BlockForm(
        "parameter",
        (_arg("value", "quantity"),),
        "A named threshold.",
        "parameter min-auc = 0.75",
        syntax="= {value}",
    ),
    BlockForm(
        "role",
        (),
        "A role that people fill; who they are stands in the signed trust root.",
        "role risk-officer {",
        (
            ClauseForm(
                "members at least",
                (_arg("count", "integer"),),
                "The fewest people who must hold it.",
                "members at least 3",
            ),
        ),
    ),
    BlockForm(
        "objective",
        (),
        "Why the system is built, what could go wrong, and what is done about it.",
        "objective fair-lending {",
        (
            ClauseForm(
                "problem",
                (_arg("text", "text"),),
                "The problem in plain words.",
                'problem "Decide in minutes."',
                required=True,
            ),
            ClauseForm(
                "approach",
                (_arg("kind", "word", "narrow", "broad"), _arg("what", "word", optional=True)),
                "A narrow or a broad model.",
                "approach narrow",
                syntax="{kind} [{what}]",
            ),
            ClauseForm("sponsor", (_arg("text", "text"),), "Who wants it.", 'sponsor "Head of Retail Credit"'),
            ClauseForm(
                "kpi",
                (_arg("control", "control"),),
                "What success is measured by.",
                "kpi decision-time <= 2 minutes",
                repeatable=True,
            ),
            ClauseForm(
                "feasible",
                (_arg("entries", "entries"),),
                "Why it can be done: data, compute, legal.",
                'feasible data "36 months", compute "2 cores", legal "Annex III 5(b)"',
            ),
            ClauseForm(
                "hazard",
                (_arg("title", "text"),),
                "What could go wrong.",
                'hazard "Indirect discrimination" {',
                repeatable=True,
                children=(
                    ClauseForm(
                        "likelihood",
                        (_arg("level", "word", "low", "medium", "high"),),
                        "How likely.",
                        "likelihood medium",
                        required=True,
                    ),
                    ClauseForm(
                        "impact",
                        (_arg("level", "word", "low", "medium", "high"),),
                        "How bad.",
                        "impact high",
                        required=True,
                    ),
                    ClauseForm(
                        "mitigated by",
                        (_arg("controls", "words", means=GATING),),
                        "Evaluations, policies or monitors that gate it.",
                        "mitigated by parity",
                        required=True,
                    ),
                ),
            ),
        ),
    ),
    BlockForm(
        "dataset",
        (_arg("of", "ref", optional=True, means=("deployment",)),),
        "Rows, where they come from, what may be done with them, and what must hold of them.",
        "dataset applications {",
        (
            ClauseForm(
                "source",
                (
                    _arg("format", "word", "csv", "parquet", "jsonl", "sql", "python", idle=("sql",)),
                    _arg("location", "text"),
                    _arg("from", "words", optional=True, means=("dataset",)),
                    _arg("secret", "text", optional=True),
                    _arg("query", "text", optional=True),
                ),
                "Where the rows come from; `python` names a callable, `from` the datasets it starts from.",
                'source csv "data/applications.csv"',
                required=True,
                syntax="{format} {location} [from {from}] | {format} secret {secret} query {query}",
            ),
            ClauseForm(
                "license",
                (_arg("value", "text"),),
                "SPDX identifier or expression; terms of your own are `LicenseRef-NAME`.",
                'license "CC-BY-4.0"',
            ),
            ClauseForm(
                "origin",
                (_arg("value", "text"),),
                "Where and when the rows were collected.",
                'origin "Core banking export"',
            ),
            ClauseForm(
                "class",
                (_arg("level", "word", "public", "internal", "personal", "special-category"),),
                "Confidentiality class.",
                "class personal",
            ),
            ClauseForm(
                "basis",
                (
                    _arg(
                        "ground",
                        "word",
                        "consent",
                        "contract",
                        "legal-obligation",
                        "vital-interests",
                        "public-task",
                        "legitimate-interests",
                    ),
                ),
                "Lawful basis (GDPR Art. 6).",
                "basis legitimate-interests",
            ),
            ClauseForm(
                "condition",
                (
                    _arg(
                        "ground",
                        "word",
                        "explicit-consent",
                        "employment-law",
                        "vital-interests",
                        "membership",
                        "made-public",
                        "legal-claims",
                        "substantial-public-interest",
                        "health-care",
                        "public-health",
                        "research",
                    ),
                ),
                "What permits special categories beyond their basis (GDPR Art. 9(2)(a) to (j)).",
                "condition explicit-consent",
            ),
            ClauseForm(
                "attested as",
                (_arg("level", "word", "public", "internal", "personal"), _arg("by", "ref")),
                "The class after `prepare` has dropped every personal column; it counts behind an approval by this "
                "role only.",
                "attested as internal by privacy-officer",
                syntax="{level} by {by}",
            ),
            ClauseForm(
                "personal",
                (_arg("columns", "words"),),
                "Columns that identify a person.",
                "personal applicant_name, email",
            ),
            ClauseForm(
                "protected",
                (_arg("columns", "words"),),
                "Protected attributes, for fairness.",
                "protected sex, age_group",
            ),
            ClauseForm("target", (_arg("column", "ref"),), "The column to predict.", "target default"),
            ClauseForm(
                "schema",
                (_arg("path", "text"),),
                "JSON Schema of one row.",
                'schema "schemas/applications.json"',
            ),
            ClauseForm(
                "prepare",
                (),
                "What is done to the rows, in order; what is learnt is learnt from the training part.",
                "prepare {",
                children=(
                    ClauseForm("drop duplicates", (), "Remove repeated rows.", "drop duplicates"),
                    ClauseForm(
                        "drop columns",
                        (_arg("columns", "words"),),
                        "Remove columns.",
                        "drop columns email",
                        repeatable=True,
                    ),
                    ClauseForm(
                        "bin",
                        (_arg("column", "ref"), _arg("into", "ref"), _arg("at", "numbers")),
                        "Cut a number into groups.",
                        "bin age into age_group at 25, 40, 60",
                        repeatable=True,
                        syntax="{column} into {into} at {at}",
                    ),
                    ClauseForm(
                        "impute",
                        (_arg("columns", "words"), _arg("with", "word", "median", "mean", "mode")),
                        "Fill what is missing.",
                        "impute income with median",
                        repeatable=True,
                        syntax="{columns} with {with}",
                    ),
                    ClauseForm(
                        "encode",
                        (_arg("columns", "words"), _arg("with", "word", "one-hot", "ordinal")),
                        "Turn words into numbers.",
                        "encode workclass with one-hot",
                        repeatable=True,
                        syntax="{columns} with {with}",
                    ),
                    ClauseForm(
                        "redact",
                        (_arg("what", "word", "pii"), _arg("columns", "words")),
                        "Blank out personal data in free text.",
                        "redact pii in notes",
                        repeatable=True,
                        runs=False,
                        syntax="{what} in {columns}",
                    ),
                ),
            ),
            ClauseForm(
                "split",
                (
                    _arg("parts", "parts"),
                    _arg("stratified by", "ref", optional=True),
                    _arg("grouped by", "ref", optional=True),
                    _arg("seed", "integer", optional=True),
                ),
                "Cut the rows into named parts; `grouped by` keeps all rows with one value of a column (one person) "
                "in one part.",
                "split train 70%, validation 15%, test 15% stratified by default seed 7",
            ),
            _REQUIRE,
            ClauseForm(
                "labels",
                (
                    _arg("format", "word", "csv", "parquet", "jsonl"),
                    _arg("location", "text"),
                    _arg("after", "duration", optional=True),
                ),
                "Outcomes that arrive later.",
                'labels csv "data/outcomes.csv" after 30 days',
                runs=False,
                instead_of=("source",),
            ),
            ClauseForm(
                "join on",
                (_arg("column", "ref"),),
                "What joins outcomes to predictions.",
                "join on application_id",
                runs=False,
            ),
        ),
    ),
    BlockForm(
        "prompt",
        (),
        "What a generative model is told, versioned and hashed like code.",
        "prompt loan-questions {",
        (
            ClauseForm(
                "version",
                (_arg("value", "text"),),
                "Version of the prompt, free text.",
                'version "3"',
            ),
            ClauseForm(
                "system",
                (_arg("text", "text"),),
                "What the model is told before anything else.",
                'system "You answer questions about loans. You never promise one."',
                required=True,
            ),
            ClauseForm(
                "user",
                (_arg("text", "text"),),
                "The text around what a person asks.",
                'user "A customer asks:"',
            ),
        ),
        runs=False,
    ),
    BlockForm(
        "model",
        (),
        "What is trained, on what, how, and within which limits.",
        "model scorecard {",
        (
            ClauseForm(
                "task",
                (_arg("kind", "word", "binary-classification", "text-generation", idle=("text-generation",)),),
                "What it predicts, or makes.",
                "task binary-classification",
                required=True,
            ),
            ClauseForm(
                "train on",
                (_arg("data", "ref", means=("dataset",)),),
                "A split to learn from.",
                "train on applications.train",
                required=True,
            ),
            ClauseForm(
                "validate on",
                (_arg("data", "ref", means=("dataset",)),),
                "A split to stop and tune by.",
                "validate on applications.validation",
            ),
            ClauseForm(
                "trainer",
                (_arg("kind", "word", "builtin", "python"), _arg("name", "ref or text")),
                "The built-in trainer, or the team's own callable.",
                "trainer builtin tabular-mlp",
                required=True,
            ),
            ClauseForm(
                "fine-tuned from",
                (_arg("checkpoint", "text"), _arg("method", "word", "full", "lora", optional=True)),
                "The local checkpoint that training starts from, and whether all of it changes.",
                'fine-tuned from "checkpoints/base" with lora',
                runs=False,
                syntax="{checkpoint} [with {method}]",
                instead_of=("trainer",),
            ),
            ClauseForm(
                "aligned with",
                (_arg("data", "ref", means=("dataset",)),),
                "Preferences of people that it learns from after training.",
                "aligned with preferences.train",
                runs=False,
            ),
            ClauseForm(
                "hosted at",
                (_arg("address", "text"), _arg("model", "text"), _arg("secret", "text", optional=True)),
                "A model that somebody else runs, at an OpenAI-compatible address; the secret is a name, not a value.",
                'hosted at "https://models.bank.example/v1" model "chat-large" secret "MODEL_KEY"',
                runs=False,
                syntax="{address} model {model} [secret {secret}]",
                instead_of=("train on", "trainer"),
            ),
            ClauseForm(
                "prompted by",
                (_arg("prompts", "words", means=("prompt",)),),
                "The prompts that it is used with.",
                "prompted by loan-questions",
                runs=False,
            ),
            ClauseForm(
                "parameters",
                (_arg("values", "mapping"),),
                "What the trainer is given.",
                "parameters { epochs: 20, seed: 7 }",
            ),
            ClauseForm(
                "tune",
                (
                    _arg("trials", "integer"),
                    _arg("direction", "word", "maximise", "minimise"),
                    _arg("metric", "ref"),
                    _arg("space", "mapping"),
                ),
                "Search for better parameters.",
                "tune 20 trials maximise roc_auc { learning-rate: 1e-4 .. 1e-2 log }",
                runs=False,
                syntax="{trials} trials {direction} {metric} {space}",
            ),
            ClauseForm(
                "cleared for",
                (_arg("level", "word", "public", "internal", "personal", "special-category"),),
                "The highest class of data that may reach it and its evaluations; without it, `personal` on a lawful "
                "basis.",
                "cleared for personal",
            ),
            ClauseForm(
                "limits",
                (_arg("values", "mapping"),),
                "Time, memory and GPUs the training may use.",
                "limits { time: 10 minutes, memory: 4 GB, gpus: 0 }",
            ),
        ),
    ),
    BlockForm(
        "evaluation",
        (_arg("of", "ref", means=("model",)), _arg("on", "ref", means=("dataset",))),
        "Measures a model on rows that it has not seen, against bounds.",
        "evaluation holdout of scorecard on applications.test {",
        (
            _REQUIRE,
            ClauseForm(
                "report",
                (_arg("metric", "ref"), _arg("top", "integer", optional=True, idle=("top",))),
                "Measure and show, without a bound.",
                "report accuracy",
                repeatable=True,
            ),
        ),
    ),
    BlockForm(
        "policy",
        (),
        "A rule in the team's own Rego, at named gates.",
        "policy no-proxy-features {",
        (
            ClauseForm(
                "rego",
                (_arg("path", "text"),),
                "The Rego file.",
                'rego "policies/no_proxy.rego"',
                required=True,
            ),
            ClauseForm(
                "before",
                (_arg("stages", "words"),),
                "At the entry gate of these stages or kinds of stage.",
                "before train",
                required=True,
            ),
            ClauseForm(
                "enforce",
                (_arg("level", "word", "advisory", "mandatory", "absolute"),),
                "Advisory warns, mandatory denies, absolute cannot be waived.",
                "enforce mandatory",
            ),
            ClauseForm(
                "satisfies",
                (_arg("pack", "ref"), _arg("clause", "text")),
                "The clause it serves.",
                'satisfies eu-ai-act "Art. 10(2)(f)"',
                repeatable=True,
            ),
        ),
    ),
    BlockForm(
        "approval",
        (_arg("of", "ref", means=("model",)),),
        "People who must agree, by signature.",
        "approval release of scorecard {",
        (
            ClauseForm(
                "by",
                (_arg("role", "ref", means=("role",)), _arg("quorum", "integer", optional=True)),
                "Which role, and how many of it.",
                "by risk-officer quorum 2",
                required=True,
            ),
            ClauseForm(
                "excluding",
                (_arg("who", "words"),),
                "Who may not: separation of duties. `owner`, `trainer` (who opened the run that trained the model), "
                "`author` (who opened the first run of the charter as it is now).",
                "excluding owner, trainer",
            ),
            _AFTER,
            ClauseForm("valid", (_arg("for", "duration"),), "How long it holds.", "valid 30 days"),
        ),
    ),
    BlockForm(
        "deployment",
        (_arg("of", "ref", means=("model",)),),
        "Where and how the model goes live.",
        "deployment production of scorecard {",
        (
            _AFTER,
            ClauseForm(
                "package",
                (
                    _arg("format", "word", "onnx", "torchscript", "safetensors", idle=("torchscript", "safetensors")),
                    _arg("quantise", "word", "int8", optional=True, idle=("int8",)),
                ),
                "The format it is shipped in.",
                "package onnx",
            ),
            ClauseForm(
                "serve",
                (_arg("how", "word", "http", "directory", "mlflow", "kserve", idle=("mlflow", "kserve")),),
                "How it is served.",
                "serve http",
            ),
            ClauseForm(
                "cleared for",
                (_arg("level", "word", "public", "internal", "personal", "special-category"),),
                "The highest class of data that may reach it and its monitors; without it, `personal` on a lawful "
                "basis.",
                "cleared for personal",
            ),
            ClauseForm(
                "use",
                (_arg("kind", "word", "commercial", "non-commercial"),),
                "Whether it serves a commercial purpose; it does unless this says otherwise.",
                "use non-commercial",
            ),
            ClauseForm(
                "rollout",
                (_arg("steps", "steps"), _arg("each", "duration", optional=True)),
                "In which steps.",
                "rollout 10% -> 100% each 1 day",
                runs=False,
            ),
            ClauseForm(
                "rollback",
                (_arg("when", "control"),),
                "When to go back.",
                "rollback when error_rate > 2% for 10 minutes",
                runs=False,
                syntax="when {when}",
            ),
            ClauseForm(
                "fallback",
                (_arg("to", "ref", means=("model",)), _arg("version", "text", optional=True)),
                "To what.",
                'fallback scorecard version "2.0.3"',
                runs=False,
            ),
        ),
    ),
    BlockForm(
        "monitor",
        (
            _arg("of", "ref", means=("deployment",)),
            _arg("on", "ref", optional=True, means=("dataset",)),
            _arg("every", "duration"),
        ),
        "Watches what is live, and says what happens on a breach.",
        "monitor drift of production on recent-applications every 1 day {",
        (
            _REQUIRE,
            ClauseForm(
                "learn",
                (
                    _arg("from", "ref", means=("dataset",)),
                    _arg("select", "word", "uncertain", "random"),
                    _arg("count", "integer"),
                    _arg("role", "ref", means=("role",)),
                ),
                "Active learning with people in the loop.",
                "learn from feedback select uncertain 500 review by risk-officer",
                runs=False,
                syntax="from {from} select {select} {count} review by {role}",
            ),
        ),
    ),
    BlockForm(
        "retirement",
        (_arg("of", "ref", means=("model",)),),
        "When the model goes, what is kept and what is erased.",
        "retirement of scorecard {",
        (
            ClauseForm(
                "when",
                (_arg("control", "control"),),
                "One criterion; any that is met retires.",
                "when drift.psi > 0.25",
                repeatable=True,
                required=True,
            ),
            ClauseForm(
                "archive",
                (_arg("what", "words", "model", "evidence", "ledger"), _arg("for", "duration")),
                "What is kept, and how long.",
                "archive model, evidence, ledger for 10 years",
                syntax="{what} for {for}",
            ),
            ClauseForm(
                "erase",
                (_arg("dataset", "ref", means=("dataset",)), _arg("after", "duration", optional=True)),
                "What is erased, and when.",
                "erase applications after 5 years",
                repeatable=True,
            ),
            ClauseForm("lessons", (_arg("path", "text"),), "What was learnt.", 'lessons "docs/lessons.md"'),
            ClauseForm(
                "notify",
                (_arg("who", "text"),),
                "Who is told.",
                'notify "model-inventory@bank.example"',
                repeatable=True,
            ),
        ),
        named=False,
    ),
    BlockForm(
        "waiver",
        (_arg("of", "ref"),),
        "A request to live with one breached control until a date; it counts only when signed.",
        "waiver calibration-first-quarter of holdout.expected_calibration_error {",
        (
            ClauseForm(
                "reason",
                (_arg("text", "text"),),
                "Why.",
                'reason "Recalibration lands in 2.2."',
                required=True,
            ),
            ClauseForm(
                "granted by",
                (_arg("role", "ref", means=("role",)), _arg("quorum", "integer", optional=True)),
                "Who must sign it.",
                "granted by risk-officer quorum 1",
                required=True,
            ),
            ClauseForm(
                "compensating",
                (_arg("text", "text"),),
                "What is done instead.",
                'compensating "Manual review of every decline"',
            ),
            ClauseForm("until", (_arg("date", "date"),), "Its last day.", "until 2027-03-31", required=True),
        ),
    ),
)
"""Every block, in the order of a lifecycle."""
