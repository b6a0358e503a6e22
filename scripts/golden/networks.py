"""
Tiny ELECTRA networks in PyTorch, written from their formulas: sizes, weights, batches, forward passes. objectives.py computes with them.

Weights are a dictionary from names (Hugging Face's behind the name of a part) to tensors; Linear weights are [out, in].
"""
import math
import torch

V, E, L, B, P = 50, 8, 12, 4, 3             # vocabulary, embedding width, tokens, rows, slots: P = floor((0.3 + 0.005) * 12)
MAIN = dict(hidden=16, heads=2, ffn=16)
GENERATOR = dict(hidden=6, heads=2, ffn=12)
LAYERS, POSITIONS, TYPES, EPS, MASK_PROBABILITY = 2, 14, 2, 1e-12, 0.3
PAD, UNK, CLS, SEP, MASK = 0, 1, 2, 3, 4


# ---- weights ---------------------------------------------------------------------------------------------------------
def linear_shapes(name, outputs, inputs, bias=True):
    return {f'{name}.weight': (outputs, inputs), **({f'{name}.bias': (outputs,)} if bias else {})}


def norm_shapes(name, width):
    return {f'{name}.weight': (width,), f'{name}.bias': (width,)}


def embedding_shapes(name, width):
    rows = dict(word_embeddings=V, position_embeddings=POSITIONS, token_type_embeddings=TYPES)
    return {**{f'{name}.{table}.weight': (n, width) for table, n in rows.items()}, **norm_shapes(f'{name}.LayerNorm', width)}


def body_shapes(name, size):
    h, f = size['hidden'], size['ffn']
    shapes = linear_shapes(f'{name}.embeddings_project', h, E)
    for i in range(LAYERS):
        layer = f'{name}.encoder.layer.{i}'
        for part in ('query', 'key', 'value'):
            shapes.update(linear_shapes(f'{layer}.attention.self.{part}', h, h))
        shapes.update(linear_shapes(f'{layer}.attention.output.dense', h, h))
        shapes.update(norm_shapes(f'{layer}.attention.output.LayerNorm', h))
        shapes.update(linear_shapes(f'{layer}.intermediate.dense', f, h))
        shapes.update(linear_shapes(f'{layer}.output.dense', h, f))
        shapes.update(norm_shapes(f'{layer}.output.LayerNorm', h))
    return shapes


def head_shapes(name, inputs, width):
    return {**linear_shapes(f'{name}.generator_predictions.dense', width, inputs),
            **norm_shapes(f'{name}.generator_predictions.LayerNorm', width),
            f'{name}.generator_lm_head.bias': (V,)}


def all_shapes():
    h, g = MAIN['hidden'], GENERATOR['hidden']
    return {
        **embedding_shapes('embeddings', E), **body_shapes('main', MAIN),
        **linear_shapes('discriminator_predictions.dense', h, h),
        **linear_shapes('discriminator_predictions.dense_prediction', 1, h),
        **head_shapes('main_head', h, E), **linear_shapes('gate', 1, h),
        **body_shapes('generator', GENERATOR), **head_shapes('generator_head', g, E),
        **linear_shapes('baseline', 1, g, bias=False),
        **embedding_shapes('own_embeddings', g), **head_shapes('own_head', g, g),
        **body_shapes('ltr', GENERATOR), **body_shapes('rtl', GENERATOR), **head_shapes('cloze_head', 2 * g, E)}


def draw_weights(seed):
    """Nothing nearly zero or nearly symmetric; rounded to float32."""
    g = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in all_shapes().items():
        r = torch.randn(shape, generator=g)
        if name.endswith('LayerNorm.weight'): r = 1 + 0.2 * r
        elif name.endswith('bias'): r = 0.2 * r
        elif 'embeddings.weight' in name: r = 0.5 * r
        else: r = r / math.sqrt(shape[1])
        weights[name] = r.float().double()
    return weights


# ---- batches ---------------------------------------------------------------------------------------------------------
def rows_of_tokens(seed):
    g = torch.Generator().manual_seed(seed)
    ids, mask, types = (torch.zeros(B, L, dtype=torch.long) for _ in range(3))
    for b, n in enumerate((12, 9, 7, 11)):
        row = torch.randint(5, V, (n,), generator=g)
        middle = n // 2
        row[0], row[middle], row[n - 1] = CLS, SEP, SEP
        ids[b, :n], mask[b, :n], types[b, middle + 1:n] = row, 1, 1
    ids[3, 2] = UNK                                   # an unknown word may be masked like any other
    return ids, mask, types


def masked(tokens, positions, kept, sampled):
    """The batch with these positions predicted (0: no slot), those slots in `kept` left as they are."""
    ids, mask, types = tokens
    positions, sampled = torch.tensor(positions), torch.tensor(sampled)
    weights = (positions > 0).double()
    reads = ids.clone()
    for b in range(B):
        for s in range(P):
            if positions[b, s] > 0 and (b, s) not in kept: reads[b, positions[b, s]] = MASK
    corrupted, labels, selected = corrupt(ids, positions, sampled)
    candidates = mask * (ids != CLS) * (ids != SEP) * (ids != MASK)
    return dict(input_ids=ids, attention_mask=mask, candidates=candidates, token_type_ids=types, masked_input_ids=reads, masked_positions=positions,
                masked_ids=ids.gather(1, positions) * weights.long(), masked_weights=weights,
                sampled_ids=sampled, corrupted_ids=corrupted, labels=labels, selected=selected)


def corrupt(ids, positions, sampled):
    """The floor of the mean of what is written to a position; position 0 is never written."""
    corrupted, selected = ids.clone(), torch.zeros_like(ids)
    for b in range(B):
        for t in range(1, L):
            writes = [int(sampled[b, s]) for s in range(P) if positions[b, s] == t]
            if writes:
                corrupted[b, t], selected[b, t] = sum(writes) // len(writes), 1
    return corrupted, (corrupted != ids).long(), selected


def batches():
    tokens = rows_of_tokens(11)
    ids = tokens[0]
    # Row 0, slot 1 is a lucky sample; row 1, slot 0 keeps its token; row 2 has an unused slot; row 3, slot 0 is [UNK].
    plain = masked(tokens, [[1, 5, 9], [2, 3, 6], [1, 5, 0], [2, 4, 9]], {(1, 0)},
                   [[31, int(ids[0, 5]), 8], [44, 17, 26], [9, 38, 7], [21, 13, 49]])
    # Row 0: two different samples whose mean is floored to the original. Row 1: 47 div 2. Row 3: 76 div 3, and one slot of it kept.
    original = int(ids[0, 5])
    drawn_again = masked(tokens, [[5, 9, 5], [3, 3, 6], [1, 5, 0], [4, 4, 4]], {(3, 1), (2, 0)},
                         [[original - 2, 8, original + 3], [17, 30, 26], [9, 38, 7], [49, 13, 14]])
    return dict(batch=plain, batch_with_replacement=drawn_again)


def log_frequencies(seed):
    g = torch.Generator().manual_seed(seed)
    counts = torch.randint(1, 400, (V,), generator=g).double()
    counts[:5] = 1
    return torch.log(counts / counts.sum()).float().double()


# ---- networks --------------------------------------------------------------------------------------------------------
def linear(w, name, x):
    y = x @ w[f'{name}.weight'].T
    return y + w[f'{name}.bias'] if f'{name}.bias' in w else y


def norm(w, name, x):
    centred = x - x.mean(-1, keepdim=True)
    variance = (centred * centred).mean(-1, keepdim=True)
    return centred / torch.sqrt(variance + EPS) * w[f'{name}.weight'] + w[f'{name}.bias']


def gelu(x):
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def embed(w, name, ids, types):
    x = (w[f'{name}.word_embeddings.weight'][ids] + w[f'{name}.token_type_embeddings.weight'][types]
         + w[f'{name}.position_embeddings.weight'][:ids.shape[1]])
    return norm(w, f'{name}.LayerNorm', x)


def body(w, name, size, x, mask, triangle=None, project=True):
    """Hidden states of a post-norm encoder; `triangle` [L, L] lets each query see only some keys."""
    x = linear(w, f'{name}.embeddings_project', x) if project else x
    sees = mask[:, None, None, :].to(x.dtype)
    if triangle is not None: sees = sees * triangle.to(x.dtype)
    hidden, heads = size['hidden'], size['heads']
    width = hidden // heads
    for i in range(LAYERS):
        layer = f'{name}.encoder.layer.{i}'
        q, k, v = (linear(w, f'{layer}.attention.self.{part}', x).view(B, L, heads, width).transpose(1, 2)
                   for part in ('query', 'key', 'value'))
        scores = q @ k.transpose(-1, -2) / math.sqrt(width) + (1 - sees) * -10000
        context = (scores.softmax(-1) @ v).transpose(1, 2).reshape(B, L, hidden)
        a = norm(w, f'{layer}.attention.output.LayerNorm', x + linear(w, f'{layer}.attention.output.dense', context))
        u = gelu(linear(w, f'{layer}.intermediate.dense', a))
        x = norm(w, f'{layer}.output.LayerNorm', a + linear(w, f'{layer}.output.dense', u))
    return x


def read(w, name, size, ids, b, embeddings='embeddings', **how):
    return body(w, name, size, embed(w, embeddings, ids, b['token_type_ids']), b['attention_mask'], **how)


def at(hidden, positions):
    return hidden.gather(1, positions[..., None].expand(-1, -1, hidden.shape[-1]))


def token_logits(w, head, hidden, embeddings='embeddings'):
    y = norm(w, f'{head}.generator_predictions.LayerNorm', gelu(linear(w, f'{head}.generator_predictions.dense', hidden)))
    return y @ w[f'{embeddings}.word_embeddings.weight'].T + w[f'{head}.generator_lm_head.bias']


def replaced_logits(w, hidden):
    z = gelu(linear(w, 'discriminator_predictions.dense', hidden))
    return linear(w, 'discriminator_predictions.dense_prediction', z).squeeze(-1)


def two_towers(w, b):
    """Token logits [B, L, V] from what stands before and behind each token. Zeros where nothing does, padding being nothing."""
    lower = torch.ones(L, L).tril()
    left = read(w, 'ltr', GENERATOR, b['input_ids'], b, triangle=lower)
    right = read(w, 'rtl', GENERATOR, b['input_ids'], b, triangle=lower.T) * b['attention_mask'][..., None]
    nothing = left.new_zeros(B, 1, GENERATOR['hidden'])
    context = torch.cat([torch.cat([nothing, left[:, :-1]], 1), torch.cat([right[:, 1:], nothing], 1)], -1)
    return token_logits(w, 'cloze_head', context)
