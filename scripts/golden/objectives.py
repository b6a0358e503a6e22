"""Writes test/fixtures/objectives.safetensors (its argument): losses, logits and gradients of every pre-training objective.

    python scripts/golden/objectives.py test/fixtures/objectives.safetensors
    python scripts/golden/objectives.py --check test/fixtures/objectives.safetensors   # recompute, and finite differences

PyTorch in float64, one thread, weights that float32 holds exactly, no dropout. Sampled ids are given, so nothing is random.
test/fixtures/README.md has the names and the formulas. Needs torch, numpy and safetensors.
"""
import json, math, sys
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from networks import (B, CLS, EPS, E, GENERATOR, L, LAYERS, MAIN, MASK, MASK_PROBABILITY, P, PAD, POSITIONS, SEP, TYPES, UNK, V,
                      at, batches, draw_weights, linear, log_frequencies, read, replaced_logits, token_logits, two_towers)

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

WEIGHTS = dict(generator=1.0, discriminator=50.0, replace_mlm=1.0, all_tokens_mlm=1.0,
               adversarial=0.7, baseline=0.3, adversarial_mlm=0.2)
PROBES = 3


# ---- losses ----------------------------------------------------------------------------------------------------------
def weighted_mean(x, weights):
    weights = weights.to(x.dtype)
    return (x * weights).sum() / (weights.sum() + 1e-6)


def surprise(logits, ids):
    return -logits.log_softmax(-1).gather(-1, ids[..., None]).squeeze(-1)


def binary(logits, labels):
    """Cross-entropy; labels may lie between 0 and 1."""
    return logits.clamp(min=0) - logits * labels + torch.log1p(torch.exp(-logits.abs()))


def copy_gate_loss(gate, logits, copied, originals):
    """-log( D 1[x = copied] + (1 - D) p(x) ) of the originals x, D = sigmoid(gate)."""
    log_p = -surprise(logits, originals)
    log_copy, log_not = -F.softplus(-gate), -F.softplus(gate)
    return torch.where(copied == originals, -torch.logaddexp(log_copy, log_not + log_p), -log_not - log_p)


def small_generator(w, b):
    hidden = at(read(w, 'generator', GENERATOR, b['masked_input_ids'], b), b['masked_positions'])
    logits = token_logits(w, 'generator_head', hidden)
    return hidden, logits, weighted_mean(surprise(logits, b['masked_ids']), b['masked_weights'])


def discriminator(w, b):
    logits = replaced_logits(w, read(w, 'main', MAIN, b['corrupted_ids'], b))
    return logits, weighted_mean(binary(logits, b['labels']), b['attention_mask'])


def joint(generator_logits, mlm_loss, logits, loss):
    return dict(loss=WEIGHTS['generator'] * mlm_loss + WEIGHTS['discriminator'] * loss, generator_loss=mlm_loss, main_loss=loss,
                generator_logits=generator_logits, main_logits=logits)


def electra(w, b):
    _, logits, loss = small_generator(w, b)
    return joint(logits, loss, *discriminator(w, b))


def mlm(w, b):
    logits = token_logits(w, 'main_head', at(read(w, 'main', MAIN, b['masked_input_ids'], b), b['masked_positions']))
    loss = weighted_mean(surprise(logits, b['masked_ids']), b['masked_weights'])
    return dict(loss=loss, main_loss=loss, main_logits=logits)


def electra_15(w, b):
    _, generator_logits, mlm_loss = small_generator(w, b)
    logits, _ = discriminator(w, b)
    return joint(generator_logits, mlm_loss, logits, weighted_mean(binary(logits, b['labels']), b['selected']))


def replace_mlm(w, b):
    _, _, mlm_loss = small_generator(w, b)
    logits = token_logits(w, 'main_head', at(read(w, 'main', MAIN, b['corrupted_ids'], b), b['masked_positions']))
    loss = weighted_mean(surprise(logits, b['masked_ids']), b['masked_weights'])
    return dict(loss=mlm_loss + WEIGHTS['replace_mlm'] * loss, generator_loss=mlm_loss, main_loss=loss, main_logits=logits)


def all_tokens_mlm(w, b):
    _, _, mlm_loss = small_generator(w, b)
    hidden = read(w, 'main', MAIN, b['corrupted_ids'], b)
    logits, gate = token_logits(w, 'main_head', hidden), linear(w, 'gate', hidden).squeeze(-1)
    losses = copy_gate_loss(gate, logits, b['corrupted_ids'], b['input_ids'])
    loss = weighted_mean(losses, b['attention_mask'])
    return dict(loss=mlm_loss + WEIGHTS['all_tokens_mlm'] * loss, generator_loss=mlm_loss, main_loss=loss, main_logits=logits,
                gate=gate, losses=losses)


def two_stage_second(w, b):
    """The generator, a network of the same size as `mlm`'s, is frozen: it only gave the samples."""
    logits, loss = discriminator(w, b)
    return dict(loss=WEIGHTS['discriminator'] * loss, main_loss=loss, main_logits=logits)


def adversarial(w, b, held=None):
    """Rewards and what the baseline expects are constants; `held` has them, or they are computed."""
    hidden, generator_logits, mlm_loss = small_generator(w, b)
    logits, main_loss = discriminator(w, b)
    found = binary(logits, b['labels']).gather(1, b['masked_positions']).detach()
    states = hidden.detach()
    reward, states = (found, states) if held is None else (held['rewards'], held['states'])
    scores = linear(w, 'baseline', states).squeeze(-1)
    expected = F.softplus(-scores)
    log_p = -surprise(generator_logits, b['sampled_ids'])
    policy_loss = -weighted_mean((reward - (expected.detach() if held is None else held['baselines'])) * log_p, b['masked_weights'])
    baseline_loss = weighted_mean(binary(scores, torch.exp(-reward)), b['masked_weights'])
    loss = (WEIGHTS['adversarial'] * policy_loss + WEIGHTS['baseline'] * baseline_loss
            + WEIGHTS['adversarial_mlm'] * mlm_loss + WEIGHTS['discriminator'] * main_loss)
    return dict(loss=loss, policy_loss=policy_loss, baseline_loss=baseline_loss, generator_loss=mlm_loss, main_loss=main_loss,
                rewards=reward, baselines=expected, states=states)


def uniform(w, b):
    logits = torch.zeros(B, P, V)
    return joint(None, weighted_mean(surprise(logits, b['masked_ids']), b['masked_weights']), *discriminator(w, b))


def unigram(w, b):
    logits = LOG_FREQUENCIES.to(torch.get_default_dtype()).expand(B, P, V)
    return joint(None, weighted_mean(surprise(logits, b['masked_ids']), b['masked_weights']), *discriminator(w, b))


def two_tower(w, b):
    logits = two_towers(w, b)
    return joint(logits, weighted_mean(surprise(logits, b['input_ids']), b['candidates']), *discriminator(w, b))


def electric(w, b, held=None):
    """main_logits are those of the classifier; energies are the head's. log q is a constant; `held` has it, or it is computed."""
    tower_logits = two_towers(w, b)
    cloze_loss = weighted_mean(surprise(tower_logits, b['input_ids']), b['candidates'])
    energies, _ = discriminator(w, b)
    log_q = -surprise(tower_logits, b['corrupted_ids']).detach() if held is None else held['log_q']
    logits = energies + log_q + math.log(MASK_PROBABILITY / (1 - MASK_PROBABILITY))
    loss = weighted_mean(binary(logits, b['selected']), b['attention_mask'])
    return {**joint(None, cloze_loss, logits, loss), 'energies': energies, 'log_q': log_q}


def tied_generator(w, b):
    found = mlm(w, b)
    return joint(None, found['loss'], *discriminator(w, b))


def untied_embeddings(w, b):
    hidden = read(w, 'generator', GENERATOR, b['masked_input_ids'], b, embeddings='own_embeddings', project=False)
    logits = token_logits(w, 'own_head', at(hidden, b['masked_positions']), 'own_embeddings')
    return joint(logits, weighted_mean(surprise(logits, b['masked_ids']), b['masked_weights']), *discriminator(w, b))


DISCRIMINATOR = ['embeddings', 'main', 'discriminator_predictions']
SMALL = ['generator', 'generator_head']
TOWERS = ['ltr', 'rtl', 'cloze_head']
# name: (loss, its batch, the parts whose weights it reads)
OBJECTIVES = {
    'electra': (electra, 'batch', DISCRIMINATOR + SMALL),
    'electra_with_replacement': (electra, 'batch_with_replacement', DISCRIMINATOR + SMALL),
    'mlm': (mlm, 'batch', ['embeddings', 'main', 'main_head']),
    'electra_15': (electra_15, 'batch', DISCRIMINATOR + SMALL),
    'replace_mlm': (replace_mlm, 'batch', ['embeddings', 'main', 'main_head'] + SMALL),
    'all_tokens_mlm': (all_tokens_mlm, 'batch', ['embeddings', 'main', 'main_head', 'gate'] + SMALL),
    'two_stage_second': (two_stage_second, 'batch', DISCRIMINATOR),
    'adversarial': (adversarial, 'batch', DISCRIMINATOR + SMALL + ['baseline']),
    'uniform': (uniform, 'batch', DISCRIMINATOR),
    'unigram': (unigram, 'batch', DISCRIMINATOR),
    'two_tower': (two_tower, 'batch', DISCRIMINATOR + TOWERS),
    'electric': (electric, 'batch', DISCRIMINATOR + TOWERS),
    'tied_generator': (tied_generator, 'batch', DISCRIMINATOR + ['main_head']),
    'untied_embeddings': (untied_embeddings, 'batch', DISCRIMINATOR + ['generator.encoder', 'own_embeddings', 'own_head'])}
# Logits that others have, too, are kept once; the README says where.
ONCE = {'electra_with_replacement': ['generator_logits'], 'electra_15': ['generator_logits', 'main_logits'],
        'two_stage_second': ['main_logits'], 'uniform': ['main_logits'], 'unigram': ['main_logits'],
        'two_tower': ['main_logits'], 'tied_generator': ['main_logits'], 'untied_embeddings': ['main_logits'],
        'adversarial': ['states']}
# A gradient equal to another's is kept once: the generator's loss is a constant in both.
SAME_GRADIENT = {'unigram': 'uniform'}
# Of these, gradients are kept as probes only.
PROBED = ['electra_with_replacement']
LOG_FREQUENCIES = log_frequencies(5)


def names_of(parts, weights):
    return sorted(n for n in weights if any(n.startswith(part + '.') for part in parts))


def value_and_gradient(objective, weights, b):
    loss, _, parts = OBJECTIVES[objective]
    names = names_of(parts, weights)
    w = {**weights, **{n: weights[n].clone().requires_grad_() for n in names}}
    out = loss(w, b)
    grads = torch.autograd.grad(out['loss'], [w[n] for n in names], allow_unused=False)
    return {k: v.detach() for k, v in out.items() if v is not None}, dict(zip(names, grads))


def probes(grads):
    """For each gradient, flattened row by row: sum_i g_i cos((k + 1)(i + 1)), k = 0, 1, 2."""
    def of(g):
        i = torch.arange(1, g.numel() + 1)
        return torch.stack([(g.reshape(-1) * torch.cos((k + 1.0) * i)).sum() for k in range(PROBES)])
    return torch.stack([of(g) for g in grads.values()])


def samples(logits, b, seed):
    """argmax(logits / T - 1000 [v = original] + noise): what is sampled at T 1, 0.5 and 2, without and with the 1000."""
    u = torch.rand(B, P, V, generator=torch.Generator().manual_seed(seed))
    noise = (-torch.log(-torch.log(u + 1e-9) + 1e-9)).float().double()
    noise[0, 1, b['masked_ids'][0, 1]] += 12           # an original that is drawn unless it is disallowed
    out, margins = dict(noise=noise), []
    for disallow in (0, 1):
        drawn = []
        for temperature in (1.0, 0.5, 2.0):
            scores = logits / temperature - 1000.0 * disallow * F.one_hot(b['masked_ids'], V) + noise
            top = scores.topk(2, -1).values
            margins.append(float((top[..., 0] - top[..., 1]).min()))
            drawn.append(scores.argmax(-1))
        out['ids_disallow_correct' if disallow else 'ids'] = torch.stack(drawn)
    assert min(margins) > 1e-3, margins
    return out


def two_stage(weights, b):
    """One step of plain descent on the first stage, the copy, and the second stage's loss there."""
    _, gradient = value_and_gradient('mlm', weights, b)
    moved = {n: weights[n] - 0.1 * gradient[n] if n in gradient else weights[n] for n in weights}
    return two_stage_second(moved, b)


def everything(weights, given):
    t = {f'weights.{n}': x for n, x in weights.items()}
    for name, b in given.items(): t.update({f'{name}.{k}': x for k, x in b.items()})
    t['unigram.log_frequencies'] = LOG_FREQUENCIES
    for objective, (_, batch, _) in OBJECTIVES.items():
        out, grads = value_and_gradient(objective, weights, given[batch])
        for k, x in out.items():
            if k not in ONCE.get(objective, []): t[f'{objective}.{k}'] = x
        if objective in SAME_GRADIENT:
            _, same = value_and_gradient(SAME_GRADIENT[objective], weights, given[batch])
            assert all(torch.equal(x, same[n]) for n, x in grads.items())
        else:
            t[f'{objective}.probes'] = probes(grads)
            if objective not in PROBED: t[f'{objective}.gradient'] = torch.cat([g.reshape(-1) for g in grads.values()])
    t.update({f'sampling.{k}': x for k, x in samples(t['electra.generator_logits'], given['batch'], 7).items()})
    after = two_stage(weights, given['batch'])
    t['two_stage.after_loss'], t['two_stage.after_main_loss'] = after['loss'], after['main_loss']
    # D = 0.3 and p = 0.2, copied and replaced.
    gate = torch.full((2,), math.log(0.3 / 0.7))
    logits = torch.log(torch.tensor([[0.2, 0.8], [0.2, 0.8]]))
    t['copy_gate.losses'] = copy_gate_loss(gate, logits, torch.tensor([0, 1]), torch.tensor([0, 0]))
    return t


F32 = ('weights.', 'unigram.log_frequencies', 'sampling.noise')
def stored(name, x):
    if not x.is_floating_point(): return x.to(torch.int32)
    single = name.startswith(F32) or name.endswith('.gradient') or name.endswith('masked_weights')
    return (x.float() if single else x).clone().contiguous()


def write(path):
    weights, given = draw_weights(3), batches()
    t = everything(weights, given)
    sizes = dict(vocab=V, emb=E, hidden=MAIN['hidden'], heads=MAIN['heads'], ffn=MAIN['ffn'], layers=LAYERS,
                 gen_hidden=GENERATOR['hidden'], gen_heads=GENERATOR['heads'], gen_ffn=GENERATOR['ffn'], max_pos=POSITIONS, types=TYPES,
                 seq=L, batch=B, max_pred=P, ln_eps=EPS, mask_probability=MASK_PROBABILITY)
    special = dict(pad=PAD, unk=UNK, cls=CLS, sep=SEP, mask=MASK)
    save_file({n: stored(n, x) for n, x in t.items()}, path,
              dict(config=json.dumps(sizes), special=json.dumps(special), loss_weights=json.dumps(WEIGHTS),
                   parts=json.dumps({o: parts for o, (_, _, parts) in OBJECTIVES.items()}),
                   batches=json.dumps({o: b for o, (_, b, _) in OBJECTIVES.items()}), same_gradient=json.dumps(SAME_GRADIENT), torch=torch.__version__))


def check(path):
    """The file's numbers from its own weights and inputs, and every gradient along random directions by differences."""
    kept = load_file(path)
    weights = {n[8:]: x.double() for n, x in kept.items() if n.startswith('weights.')}
    given = {name: {n.split('.', 1)[1]: x.double() if x.is_floating_point() else x.long() for n, x in kept.items() if n.startswith(name + '.')}
             for name in ('batch', 'batch_with_replacement')}
    t = everything(weights, given)
    assert set(t) == set(kept)
    print('largest difference from the file:', max(float((stored(n, x).double() - kept[n].double()).abs().max()) for n, x in t.items()))
    g = torch.Generator().manual_seed(0)
    for objective, (loss, batch, _) in OBJECTIVES.items():
        out, grads = value_and_gradient(objective, weights, given[batch])
        torch.set_default_dtype(torch.float32)
        single = loss({n: x.float() for n, x in weights.items()}, given[batch])['loss']
        torch.set_default_dtype(torch.float64)
        held = {'held': loss(weights, given[batch])} if objective in ('adversarial', 'electric') else {}
        direction = {n: torch.randn(x.shape, generator=g) for n, x in grads.items()}
        slope = sum(float((grads[n] * d).sum()) for n, d in direction.items())
        value = lambda s: float(loss({**weights, **{n: weights[n] + s * d for n, d in direction.items()}}, given[batch], **held)['loss'])
        h = 1e-6
        print(f'{objective:26s} loss {float(out["loss"]):.9f} (f32: {float(single):.6f})  '
              f'slope {slope:.8f}, by differences {(value(h) - value(-h)) / (2 * h):.8f}')
    print('copy gate', t['copy_gate.losses'].tolist())


if __name__ == '__main__':
    check(sys.argv[2]) if sys.argv[1] == '--check' else write(sys.argv[1])
