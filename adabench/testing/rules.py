"""The contract's rules: what every part is held to, and how to mend what breaks one."""

from __future__ import annotations

from adabench.testing.report import Rule

RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "loads",
            "a plugin can be imported, and its names are free",
            "Mend what the message says; a name that is taken needs another one: "
            "@MODELS.register_module(name='…'), and the same in the config.",
        ),
        Rule(
            "registered",
            "a type that a config names is registered",
            "Put @MODELS.register_module() above the class, let the plugin's __init__.py import its "
            "module, and name the plugin's file or folder.",
        ),
        Rule(
            "role",
            "a part is a subclass of its role",
            "Derive the class from the role it fills: Backbone, Aggregator, Selector or Head of "
            "adabench.models, each method that they leave open defined.",
        ),
        Rule(
            "constructor",
            "a constructor takes keywords: those of the config, and what the builder passes",
            "An aggregator takes *, features: FeatureSpec, a selector and a head take *, units: "
            "UnitSpec, and any part that wants it scale: Scale; other keywords are the config's.",
        ),
        Rule(
            "initialised",
            "a constructor calls super().__init__() first",
            "Call super().__init__() before the first attribute is set.",
        ),
        Rule(
            "no labels",
            "forward takes no ground truth",
            "Take the argument out of forward; ground truth goes to loss and update only.",
        ),
        Rule(
            "runs",
            "forward answers, whatever the number of clips, steps and channels",
            "Take sizes from units.dim, features.vector or the tensors themselves, never from one "
            "batch; keep axes of size 1 (no bare squeeze).",
        ),
        Rule(
            "returns",
            "forward returns its role's structure, with the shapes that its spec promises",
            "Return Features, Units, Selection or Assessment with the fields and shapes of "
            "adabench.structures; (B, M, 1) becomes (B, M) with squeeze(-1).",
        ),
        Rule(
            "dtypes",
            "outputs are float32, masks bool, spans and scales long",
            "Convert the output (.float(), .bool(), .long()), and compute in float32.",
        ),
        Rule(
            "finite",
            "no output holds NaN or infinity",
            "Guard divisions, logarithms and roots (clamp_min), and a softmax over units of which "
            "none is valid; a standard deviation of one unit is NaN.",
        ),
        Rule(
            "spans",
            "valid steps and units cover frames of their clip",
            "Give [start, stop) in frames of the clip with 0 <= start < stop <= its length.",
        ),
        Rule(
            "weights",
            "a selection's weights are at least 0, 0 on invalid units, and sum to 1",
            "Mask with units.valid before a softmax: "
            "scores.masked_fill(~units.valid, float('-inf')).softmax(-1), or divide by the sum of "
            "non-negative, masked weights.",
        ),
        Rule(
            "precision",
            "nothing is computed in half precision",
            "Leave out .half(), .bfloat16() and autocast; training.amp turns mixed precision on.",
        ),
        Rule(
            "input kept",
            "forward leaves its input as it was",
            "Change a copy: x = x.clone(), masked_fill instead of masked_fill_, replace(units, …).",
        ),
        Rule(
            "repeats",
            "a prediction is the same a second time",
            "Take counters and random numbers out of forward, or let them act where self.training "
            "is True only.",
        ),
        Rule(
            "batch",
            "a prediction rests on its own clip alone",
            "Take means, maxima and norms within a clip (dim=1 and later), not over dim 0; batch "
            "norm in evaluation uses its running statistics.",
        ),
        Rule(
            "padding",
            "a prediction doesn't depend on padding",
            "Mask with valid (masked_fill) before any mean, maximum, softmax or norm over time.",
        ),
        Rule(
            "state",
            "predicting changes no parameter, no buffer and no mode",
            "Change memories in update only; build every layer in the constructor; leave train() and "
            "eval() to the run.",
        ),
        Rule(
            "labels forgotten",
            "what loss is told of the labels reaches no prediction",
            "Let loss keep nothing; a memory is changed in update, and lives in a buffer.",
        ),
        Rule(
            "device",
            "tensors that a part makes are on the device of its input",
            "Pass device=x.device (or x.new_zeros, zeros_like), keep constants with register_buffer "
            "and layers in nn.ModuleList.",
        ),
        Rule(
            "losses",
            "loss returns finite scalar tensors by name, and the method has one",
            "Return {'name': a tensor of shape ()}, taken by .mean() or .sum(), never .item().",
        ),
        Rule(
            "rows",
            "in training too, row i of the output belongs to row i of the input",
            "Don't permute, flip or roll the clips of a batch in forward.",
        ),
        Rule(
            "gradients",
            "every trainable parameter gets a finite gradient above 0",
            "Take out detach(), no_grad, .data and argmax on the way to the loss; drop unused "
            "layers, or freeze them with requires_grad_(False).",
        ),
        Rule(
            "checkpoint",
            "a state dict carries all that a prediction rests on",
            "Keep memories and constants with register_buffer, layers in nn.ModuleList or "
            "nn.ModuleDict.",
        ),
    )
}

#: Rules that only building can break.
BUILDING = ("loads", "registered", "role", "constructor", "initialised")

#: The rule of an extractor, where there is one.
EXTRACTS = "extracts"

ESTIMATOR_RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "runs",
            "predict answers with a score a row",
            "Return an array (N,) of points from predict, for one row too.",
        ),
        Rule(
            "finite",
            "no score is NaN or infinite",
            "Guard divisions and logarithms, and scale features by what fit has seen.",
        ),
        Rule(
            "repeats",
            "a prediction is the same a second time",
            "Draw random numbers in fit only, with random_state set.",
        ),
        Rule(
            "batch",
            "a row's prediction rests on that row alone",
            "Scale with statistics of fit (a Pipeline with StandardScaler), not of the rows given.",
        ),
        Rule(
            "saved",
            "a fitted estimator predicts the same after it was saved and read",
            "Keep what fit learnt in attributes (mean_), not in closures, globals or __slots__.",
        ),
        Rule(
            EXTRACTS,
            "a clip's features are the same when they are extracted again",
            "Keep nothing of earlier clips in the extractor, and draw no random number.",
        ),
    )
}
