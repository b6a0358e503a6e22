"""Makes test/fixtures/questions.json (its argument), with what transformers 5.18 keeps of the published code for SQuAD:
words, tightened answers, the window of most context, n-best answers and their projection into text."""
import collections, json, os, random, sys, tempfile, types
os.environ['HF_HUB_OFFLINE'] = '1'
from transformers.data.processors import squad
from transformers.data.metrics import squad_metrics
from transformers.models.bert.tokenization_bert_legacy import BasicTokenizer, WordpieceTokenizer

squad_metrics.BasicTokenizer = BasicTokenizer
with open('test/fixtures/bert-base-uncased-vocab.txt', encoding='utf-8') as f:
    vocab = {line.rstrip('\n'): i for i, line in enumerate(f)}
basic, wordpiece = BasicTokenizer(do_lower_case=True), WordpieceTokenizer(vocab, '[UNK]', 100)
tokenize = lambda text: [piece for word in basic.tokenize(text) for piece in wordpiece.tokenize(word)]
join = lambda pieces: ' '.join(pieces).replace(' ##', '').replace('##', '')
tokenizer = types.SimpleNamespace(tokenize=tokenize, convert_tokens_to_string=join)
Span = collections.namedtuple('Span', ['start', 'length'])
Result = collections.namedtuple('Result', ['unique_id', 'start_logits', 'end_logits'])

CONTEXT = ('Marie Skłodowska-Curie (1867\u20131934), née Maria Salomea Skłodowska,\u202fwas a Polish and naturalised-French physicist '
           'and chemist who conducted pioneering research on radioactivity.\n\nShe was the first woman to win a Nobel Prize 😀, the first '
           'person to win it twice, and the only one to win in two scientific fields: physics ($1,000.00) and "chemistry". 中文abc she won.')
CASES = [('Who was the first woman to win a Nobel Prize?', '1867'), ('When?', '1934'), ('What did she win?', 'Nobel Prize'),
         ('What was she?', 'physicist and chemist'), ('What is said in Chinese, in a very long question that goes on and on and on?', '中文abc'),
         ('What else?', 'chemist'), ('How much?', '1,000.00'), ('Name?', 'Maria Salomea Skłodowska')]
random.seed(12)
golden = []
for number, (question, answer) in enumerate(CASES):
    length, stride, query = [(32, 8, 6), (40, 16, 64), (100, 128, 64)][number % 3]
    at = CONTEXT.index(answer)
    example = squad.SquadExample(str(number), question, CONTEXT, answer, at, '')
    pieces, word_of, first = [], [], []
    for i, word in enumerate(example.doc_tokens):
        first.append(len(pieces))
        for piece in tokenize(word):
            word_of.append(i)
            pieces.append(piece)
    last = first[example.end_position + 1] - 1 if example.end_position + 1 < len(first) else len(pieces) - 1
    span = squad._improve_answer_span(pieces, first[example.start_position], last, tokenizer, answer)
    q = tokenize(question)[:query]
    capacity, start, spans = length - len(q) - 3, 0, []
    while start < len(pieces):
        size = min(capacity, len(pieces) - start)
        spans.append(Span(start, size))
        if start + size == len(pieces): break
        start += min(size, stride)
    windows, features, results = [], [], []
    for i, s in enumerate(spans):
        tokens = ['[CLS]', *q, '[SEP]', *pieces[s.start:s.start + s.length], '[SEP]']
        offset = len(q) + 2
        best = [squad._check_is_max_context(spans, i, s.start + j) for j in range(s.length)]
        logits = [[round(random.gauss(0, 3), 3) for _ in range(length)] for _ in 'se']
        features.append(types.SimpleNamespace(example_index=0, unique_id=i, tokens=tokens,
            token_to_orig_map={offset + j: word_of[s.start + j] for j in range(s.length)},
            token_is_max_context={offset + j: b for j, b in enumerate(best)}))
        results.append(Result(i, *logits))
        windows.append({'ids': [vocab[t] for t in tokens], 'from': s.start, 'count': s.length, 'best': best, 'start': logits[0], 'end': logits[1]})
    with tempfile.TemporaryDirectory() as d:
        squad_metrics.compute_predictions_logits([example], features, results, 20, 30, True, f'{d}/p', f'{d}/n', None, False, False, 0, tokenizer)
        nbest = json.load(open(f'{d}/n'))[str(number)]
    golden.append({'question': question, 'context': CONTEXT, 'answer': answer, 'at': at, 'length': length, 'stride': stride, 'queryLength': query,
                   'words': example.doc_tokens, 'span': list(span), 'windows': windows,
                   'nBest': [{'text': n['text'], 'score': n['start_logit'] + n['end_logit']} for n in nbest]})
json.dump(golden, open(sys.argv[1], 'w'), ensure_ascii=False, separators=(',', ':'))
