"""The step of ELECTRA pre-training that `steps.ts` measures, in PyTorch: eager and compiled, float32, TF32 and bf16.

    python3 step.py '{"sizes": {...}, "seconds": 2, "modes": ["eager float32", ...]}'

Prints a line of JSON for each mode. Sizes are those of `programs.ts`; tokens are random, and none is padding. Attention is
PyTorch's own `scaled_dot_product_attention`, the optimiser its fused AdamW: as fast as it comes.
"""

import json
import math
import sys
import time


def electra(torch, size):
    nn, F = torch.nn, torch.nn.functional
    B, L, dropout = size["batch"], size["length"], size["dropout"]

    class Attention(nn.Module):
        def __init__(self, width, heads):
            super().__init__()
            self.heads = heads
            self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))

        def forward(self, x, bias):
            perHead = lambda t: t.view(B, L, self.heads, -1).transpose(1, 2)
            q, k, v = perHead(self.query(x)), perHead(self.key(x)), perHead(self.value(x))
            rate = dropout if self.training else 0.0
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype), dropout_p=rate)
            return y.transpose(1, 2).reshape(x.shape)

    class Layer(nn.Module):
        def __init__(self, width, heads, inner):
            super().__init__()
            self.attention, self.output = Attention(width, heads), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
            self.norm1, self.norm2 = (nn.LayerNorm(width, eps=1e-12) for _ in range(2))

        def forward(self, x, bias):
            x = self.norm1(F.dropout(self.output(self.attention(x, bias)), dropout) + x)
            return self.norm2(F.dropout(self.down(F.gelu(self.up(x))), dropout) + x)

    class Body(nn.Module):
        def __init__(self, hidden, heads, feedForward, layers):
            super().__init__()
            narrow = size["embedding"] != hidden
            self.project = nn.Linear(size["embedding"], hidden) if narrow else nn.Identity()
            self.layers = nn.ModuleList(Layer(hidden, heads, feedForward) for _ in range(layers))

        def forward(self, x, bias):
            x = self.project(x)
            for layer in self.layers:
                x = layer(x, bias)
            return x

    class Electra(nn.Module):
        def __init__(self):
            super().__init__()
            e, h, g = size["embedding"], size["body"]["hidden"], size["generator"]["hidden"]
            self.words = nn.Embedding(size["vocabulary"], e)
            self.positions, self.types = nn.Embedding(size["positions"], e), nn.Embedding(2, e)
            self.norm = nn.LayerNorm(e, eps=1e-12)
            self.generator, self.body = Body(**size["generator"]), Body(**size["body"])
            self.toEmbedding, self.predictionNorm = nn.Linear(g, e), nn.LayerNorm(e, eps=1e-12)
            self.pieceBias = nn.Parameter(torch.zeros(size["vocabulary"]))
            self.head, self.logit = nn.Linear(h, h), nn.Linear(h, 1)

        def embed(self, ids, types):
            x = self.words(ids) + self.positions.weight[:L] + self.types(types)
            return F.dropout(self.norm(x), dropout)

        def forward(self, batch):
            ids, at, mask = batch["ids"], batch["positions"], batch["mask"]
            bias = (1.0 - mask[:, None, None, :].float()) * -10000.0
            x = self.generator(self.embed(batch["masked"], batch["types"]), bias)
            rows = at + torch.arange(B, device=at.device)[:, None] * L
            x = x.reshape(B * L, -1)[rows.reshape(-1)]
            x = self.predictionNorm(F.gelu(self.toEmbedding(x)))
            logits = F.linear(x, self.words.weight, self.pieceBias)
            lost = F.cross_entropy(logits.float(), batch["originals"].reshape(-1))
            with torch.no_grad():
                gumbel = torch.empty_like(logits, dtype=torch.float32).exponential_().log_().neg_()
                sampled = (logits + gumbel).argmax(-1).view(at.shape)
                corrupted = ids.scatter(1, at, sampled)
                labels = (corrupted != ids).float()
            y = self.body(self.embed(corrupted, batch["types"]), bias)
            found = self.logit(F.gelu(self.head(y))).squeeze(-1)
            mean = (F.binary_cross_entropy_with_logits(found.float(), labels, reduction="none") * mask).sum() / mask.sum()
            return lost + 50 * mean

    return Electra()


def batch_of(torch, size, generator):
    B, L, P = size["batch"], size["length"], size["slots"]
    ids = torch.randint(5, size["vocabulary"], (B, L), generator=generator)
    at = torch.stack([torch.randperm(L - 1, generator=generator)[:P] + 1 for _ in range(B)])
    return dict(
        ids=ids,
        masked=ids.scatter(1, at, 4),
        types=torch.zeros_like(ids),
        mask=torch.ones_like(ids),
        positions=at,
        originals=ids.gather(1, at),
    )


PRECISIONS = {
    "float32": dict(tf32=False, bf16=False),
    "TF32": dict(tf32=True, bf16=False),
    "bf16": dict(tf32=False, bf16=True),
}


class Training:
    """A model, its batches, and the optimiser, in one precision."""

    def __init__(self, torch, size, device, precision, is_compiled):
        self.torch, self.device = torch, device
        self.bf16 = PRECISIONS[precision]["bf16"]
        tf32 = PRECISIONS[precision]["tf32"]
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32
        torch.manual_seed(0)
        model = electra(torch, size).to(device)
        for p in model.parameters():
            if p.dim() > 1:
                torch.nn.init.trunc_normal_(p, std=0.02)
        self.params = list(model.parameters())
        self.model = torch.compile(model) if is_compiled else model
        generator = torch.Generator().manual_seed(1)
        batches = [batch_of(torch, size, generator) for _ in range(4)]
        self.batches = [{k: v.to(device) for k, v in batch.items()} for batch in batches]
        groups = [
            dict(params=[p for p in self.params if p.dim() > 1], weight_decay=0.01),
            dict(params=[p for p in self.params if p.dim() == 1], weight_decay=0.0),
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=5e-4, betas=(0.9, 0.999), eps=1e-6, fused=True)
        self.taken = 0

    def step(self):
        with self.torch.autocast(self.device, dtype=self.torch.bfloat16, enabled=self.bf16):
            loss = self.model(self.batches[self.taken % 4])
        loss.backward()
        self.torch.nn.utils.clip_grad_norm_(self.params, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.taken += 1
        return loss

    def wait(self):
        if self.device == "cuda":
            self.torch.cuda.synchronize()


def measured(torch, size, device, mode, seconds):
    how, precision = mode.split(" ")
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    training = Training(torch, size, device, precision, how == "compiled")
    begun = time.perf_counter()
    first = training.step().item()
    training.wait()
    first_seconds = time.perf_counter() - begun
    # An untrained generator guesses, and so does an untrained discriminator, whose loss counts fifty times.
    expected = math.log(size["vocabulary"]) + 50 * math.log(2)
    if not abs(first - expected) < 0.1 * expected:
        raise ValueError(f"the first loss is {first}, not about {expected}")
    for _ in range(3):
        training.step()
    training.wait()
    start = time.perf_counter()
    training.step()
    training.wait()
    steps = max(2, min(500, math.ceil(seconds / max(1e-6, time.perf_counter() - start))))
    start = time.perf_counter()
    for _ in range(steps):
        last = training.step()
    training.wait()
    took = time.perf_counter() - start
    if not math.isfinite(last.item()):
        raise ValueError("the loss is no number")
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else None
    return dict(milliseconds=1000 * took / steps, steps=steps, firstSeconds=first_seconds, peakBytes=peak)


def main():
    asked = json.loads(sys.argv[1])
    try:
        import torch
    except ImportError as missing:
        print(json.dumps(dict(missing=str(missing))), flush=True)
        return
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = torch.cuda.get_device_name() if device == "cuda" else torch.backends.cpu.get_cpu_capability()
    print(json.dumps(dict(torch=torch.__version__, device=device, name=name)), flush=True)
    if device == "cpu" and not asked["cpu"]:
        print(json.dumps(dict(missing="PyTorch finds no GPU")), flush=True)
        return
    for mode in asked["modes"]:
        try:
            answer = measured(torch, asked["sizes"], device, mode, asked["seconds"])
        except Exception as failure:
            answer = dict(failed=f"{type(failure).__name__}: {failure}".splitlines()[0])
        print(json.dumps(dict(mode=mode, **answer)), flush=True)


main()
