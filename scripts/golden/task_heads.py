"""Makes test/fixtures/task-heads (its argument), with PyTorch 2.13 and transformers 5.18.

One directory for each of transformers' task classes: a tiny random model as it saves them, and in answers.json its logits for a
batch, in float32 and float64. And heads.safetensors: losses and gradients of every head of ours, the published code's heads
written here with PyTorch alone, on transformers' ElectraModel in float64.
"""
import json, os, shutil, sys
os.environ['HF_HUB_OFFLINE'] = '1'
import torch
from torch.nn import functional as F
from safetensors.torch import save_file
from transformers import (ElectraConfig, ElectraModel, ElectraForSequenceClassification, ElectraForTokenClassification,
                          ElectraForQuestionAnswering)

base = sys.argv[1]
shutil.rmtree(base, ignore_errors=True)
os.makedirs(base)

def scatter(net, seed):
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, p in net.named_parameters():
            p.copy_(torch.randn_like(p) * 0.4 + (1 if name.endswith('LayerNorm.weight') else 0))
    return net.eval()

def batch(rows, length, vocab, seed):
    g = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, vocab, (rows, length), generator=g)
    lengths = [length] + [length - 2 - 3 * r for r in range(1, rows)]
    mask = torch.tensor([[int(t < n) for t in range(length)] for n in lengths])
    types = torch.tensor([[int(n // 2 <= t < n) for t in range(length)] for n in lengths])
    ids[:, 0] = 2
    return {'input_ids': ids * mask, 'attention_mask': mask, 'token_type_ids': types}

# ------------------------------------------------------------------------- transformers' classes

def config(**more):
    return ElectraConfig(vocab_size=60, embedding_size=12, hidden_size=16, num_hidden_layers=2, num_attention_heads=4,
                         intermediate_size=24, max_position_embeddings=32, attn_implementation='eager', **more)

def names(*labels):
    return {'id2label': dict(enumerate(labels)), 'label2id': {name: i for i, name in enumerate(labels)}}

answers = {}
for seed, (name, cls, more) in enumerate([
    ('classification', ElectraForSequenceClassification, names('contradiction', 'entailment', 'neutral')),
    ('regression', ElectraForSequenceClassification, {'num_labels': 1, 'problem_type': 'regression'}),
    ('tagging', ElectraForTokenClassification, names('O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC')),
    ('spans', ElectraForQuestionAnswering, {})]):
    net = scatter(cls(config(**more)), seed)
    net.save_pretrained(f'{base}/{name}')
    x = batch(3, 14, 60, seed)
    with torch.no_grad():
        def logits(net):
            y = net(**x)
            return {'start': y.start_logits.tolist(), 'end': y.end_logits.tolist()} if name == 'spans' else y.logits.tolist()
        answers[name] = {**{k: v.tolist() for k, v in x.items()}, 'float32': logits(net), 'float64': logits(net.double())}
json.dump(answers, open(f'{base}/answers.json', 'w'))

# ------------------------------------------------------------------------- the heads' losses and gradients

H, LENGTH, ROWS, WORDS, PAIR = 8, 10, 3, 4, 6
small = ElectraConfig(vocab_size=20, embedding_size=6, hidden_size=H, num_hidden_layers=2, num_attention_heads=2,
                      intermediate_size=10, max_position_embeddings=12, attn_implementation='eager')
body = scatter(ElectraModel(small).double(), 9)
x = batch(ROWS, LENGTH, 20, 9)
gen = torch.Generator().manual_seed(10)
def randn(*shape): return (torch.randn(*shape, generator=gen, dtype=torch.float64) * 0.5).requires_grad_()
def linear(name, i, o): return {f'{name}.weight': randn(o, i), f'{name}.bias': randn(o)}

sentence_weights = torch.tensor([1., 1., 0.], dtype=torch.float64)
classes = torch.tensor([2, 0, 1])
values = torch.tensor([0.2, 0.95, 0.5], dtype=torch.float64)
positions = torch.tensor([[1, 2, 4, 8], [1, 3, 0, 0], [1, 0, 0, 0]])
tags = torch.tensor([[1, 0, 4, 2], [3, 3, 0, 0], [2, 0, 0, 0]])
tag_weights = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], dtype=torch.float64)
starts, ends = torch.tensor([6, 0, 3]), torch.tensor([8, 0, 3])
impossible = torch.tensor([0., 1., 0.], dtype=torch.float64)

allowed = x['attention_mask'] * x['token_type_ids']
allowed[:, 0] = 1
penalty = 1000.0 * (allowed.double() - 1)

def official_sentence(p, h): return F.linear(h[:, 0], p['classifier.weight'], p['classifier.bias'])
def hf_sentence(p, h):
    y = F.gelu(F.linear(h[:, 0], p['classifier.dense.weight'], p['classifier.dense.bias']))
    return F.linear(y, p['classifier.out_proj.weight'], p['classifier.out_proj.bias'])
def ce(logits): return (F.cross_entropy(logits, classes, reduction='none') * sentence_weights).sum()
def mse(logits): return ((logits[:, 0] - values) ** 2 * sentence_weights).sum()
def tagging(p, h):
    words = torch.stack([h[b][positions[b]] for b in range(ROWS)])
    logits = F.linear(words, p['classifier.weight'], p['classifier.bias'])
    return (F.cross_entropy(logits.reshape(-1, 5), tags.reshape(-1), reduction='none') * tag_weights.reshape(-1)).sum()
def scorer(p, name, y):
    y = F.gelu(F.linear(y, p[f'{name}.dense.weight'], p[f'{name}.dense.bias']))
    return F.linear(y, p[f'{name}.out_proj.weight'], p[f'{name}.out_proj.bias']).squeeze(-1)
def start_logits(p, h):
    return F.linear(h, p['start_predictions.weight'], p['start_predictions.bias']).squeeze(-1) + penalty
def end_logits(p, h, b, start):
    pairs = torch.stack([torch.cat([h[b, start], h[b, t]]) for t in range(LENGTH)])
    return scorer(p, 'end_predictions', pairs) + penalty[b]
def joint_answerability(p, h, s):
    return scorer(p, 'answerability_predictions', torch.cat([h[:, 0], (torch.softmax(s, -1)[:, :, None] * h).sum(1)], -1))
def joint(p, h):
    s = start_logits(p, h)
    e = torch.stack([end_logits(p, h, b, starts[b]) for b in range(ROWS)])
    a = joint_answerability(p, h, s)
    spans = (F.cross_entropy(s, starts, reduction='none') + F.cross_entropy(e, ends, reduction='none')) / 2
    none = F.binary_cross_entropy_with_logits(a, impossible, reduction='none')
    return ((spans + 0.5 * none) * sentence_weights).sum()
def independent(p, h):
    s, e = F.linear(h, p['qa_outputs.weight'], p['qa_outputs.bias']).unbind(-1)
    spans = (F.cross_entropy(s + penalty, starts, reduction='none') + F.cross_entropy(e + penalty, ends, reduction='none')) / 2
    return (spans * sentence_weights).sum()

hf_params = lambda outputs: {**linear('classifier.dense', H, H), **linear('classifier.out_proj', H, outputs)}
cases = {
    'classification.official': (linear('classifier', H, 3), lambda p, h: ce(official_sentence(p, h))),
    'classification.huggingface': (hf_params(3), lambda p, h: ce(hf_sentence(p, h))),
    'regression.official': (linear('classifier', H, 1), lambda p, h: mse(official_sentence(p, h))),
    'regression.huggingface': (hf_params(1), lambda p, h: mse(hf_sentence(p, h))),
    'tagging': (linear('classifier', H, 5), tagging),
    'spans.official': ({**linear('start_predictions', H, 1),
                        **linear('end_predictions.dense', 2 * H, PAIR), **linear('end_predictions.out_proj', PAIR, 1),
                        **linear('answerability_predictions.dense', 2 * H, PAIR), **linear('answerability_predictions.out_proj', PAIR, 1)}, joint),
    'spans.huggingface': (linear('qa_outputs', H, 2), independent),
}
tensors = {f'body.electra.{n}': p.detach().clone() for n, p in body.named_parameters()}
tensors |= {f'inputs.{short}': x[name].int() for short, name in
            [('ids', 'input_ids'), ('mask', 'attention_mask'), ('types', 'token_type_ids')]}
tensors |= {'targets.classes': classes.int(), 'targets.values': values, 'targets.weights': sentence_weights,
            'targets.positions': positions.int(), 'targets.tags': tags.int(), 'targets.tagWeights': tag_weights,
            'targets.starts': starts.int(), 'targets.ends': ends.int(), 'targets.impossible': impossible}
for name, (params, loss_of) in cases.items():
    body.zero_grad()
    loss = loss_of(params, body(**x).last_hidden_state)
    loss.backward()
    tensors[f'{name}/loss'] = loss.detach()
    tensors |= {f'{name}/params.{n}': p.detach().clone() for n, p in params.items()}
    tensors |= {f'{name}/grads.{n}': p.grad.clone() for n, p in params.items()}
    # Of the body two gradients: of its first parameters, below everything, and of its last layer's.
    for n, p in body.named_parameters():
        if n in ('embeddings.word_embeddings.weight', 'encoder.layer.1.output.dense.weight'):
            tensors[f'{name}/grads.electra.{n}'] = p.grad.clone()
    print(name, loss.item())

# The beams of the joint head: the likeliest starts, and for each the likeliest ends.
K = 4
p, h = cases['spans.official'][0], body(**x).last_hidden_state
s = start_logits(p, h)
top = torch.log_softmax(s, -1).topk(K)
e = [torch.log_softmax(torch.stack([end_logits(p, h, b, i) for i in top.indices[b]]), -1).topk(K) for b in range(ROWS)]
tensors |= {'beams.starts': top.indices.int(), 'beams.startLogProbs': top.values.detach(),
            'beams.ends': torch.stack([y.indices for y in e]).int(), 'beams.endLogProbs': torch.stack([y.values for y in e]).detach(),
            'beams.answerability': joint_answerability(p, h, s).detach()}
save_file(tensors, f'{base}/heads.safetensors')
