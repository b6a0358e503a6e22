"""Whole steps of ELECTRA pre-training in PyTorch: both networks forward and backward, clipping, AdamW.

Answers the requests that serve.mjs describes. What is opened says the sizes; tokens are random, and none is padding.
"""

import json
import math
import resource
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
            weights = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias).softmax(-1)
            return (F.dropout(weights, dropout) @ v).transpose(1, 2).reshape(x.shape)

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
            x = x.reshape(B * L, -1)[(at + torch.arange(B)[:, None] * L).reshape(-1)]
            x = self.predictionNorm(F.gelu(self.toEmbedding(x)))
            logits = F.linear(x, self.words.weight, self.pieceBias)
            lost = F.cross_entropy(logits, batch["originals"].reshape(-1))
            with torch.no_grad():
                gumbel = torch.empty_like(logits).exponential_().log_().neg_()
                sampled = (logits + gumbel).argmax(-1).view(at.shape)
                corrupted = ids.scatter(1, at, sampled)
                labels = (corrupted != ids).float()
            y = self.body(self.embed(corrupted, batch["types"]), bias)
            found = self.logit(F.gelu(self.head(y))).squeeze(-1)
            mean = (F.binary_cross_entropy_with_logits(found, labels, reduction="none") * mask).sum() / mask.sum()
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


class Opened:
    def __init__(self, size):
        import torch

        torch.manual_seed(0)
        torch.set_num_threads(size["threads"])
        capability = torch.backends.cpu.get_cpu_capability()
        self.name = f"torch {torch.__version__}, {capability}, fused AdamW"
        self.torch, self.model = torch, electra(torch, size)
        for p in self.model.parameters():
            if p.dim() > 1:
                torch.nn.init.trunc_normal_(p, std=0.02)
        generator = torch.Generator().manual_seed(1)
        self.batches = [batch_of(torch, size, generator) for _ in range(4)]
        self.params = list(self.model.parameters())
        groups = [
            dict(params=[p for p in self.params if p.dim() > 1], weight_decay=0.01),
            dict(params=[p for p in self.params if p.dim() == 1], weight_decay=0.0),
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=5e-4, betas=(0.9, 0.999), eps=1e-6, fused=True)
        self.steps, self.loss = 0, math.nan

    def run(self):
        loss = self.model(self.batches[self.steps % 4])
        loss.backward()
        self.torch.nn.utils.clip_grad_norm_(self.params, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.steps, self.loss = self.steps + 1, loss.item()


opened = None


def answer(request):
    global opened
    if "open" in request:
        opened = None
        opened = Opened(request["open"])
        return {"name": opened.name}
    if "run" in request:
        start = time.perf_counter()
        for _ in range(request["run"]):
            opened.run()
        return {"seconds": time.perf_counter() - start}
    if "read" in request:
        return {"values": [opened.loss if math.isfinite(opened.loss) else None]}
    if "memory" in request:
        return {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    opened = None
    return {}


for line in sys.stdin:
    try:
        answered = answer(json.loads(line))
    except Exception as failure:
        answered = {"failed": f"{type(failure).__name__}: {failure}".splitlines()[0]}
    print(json.dumps(answered), flush=True)
