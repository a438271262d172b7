"""What PyTorch's programs share: two threads, the weights of a folder of `misc synth`, and answers as serve.ts says."""
import json, struct, sys, time
import numpy, torch
torch.set_num_threads(2)
torch.set_grad_enabled(False)

def load(folder):
    data = open(f'{folder}/model.safetensors', 'rb').read()
    length = struct.unpack('<Q', data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop('__metadata__', None)
    of = lambda it: numpy.frombuffer(data, '<f4', (it['data_offsets'][1] - it['data_offsets'][0]) // 4, 8 + length + it['data_offsets'][0])
    return json.load(open(f'{folder}/config.json')), {k: torch.from_numpy(of(v).reshape(v['shape']).copy()) for k, v in header.items()}

def timed(work):
    """Milliseconds that it took, and what it gave."""
    start = time.perf_counter()
    result = work()
    return (time.perf_counter() - start) * 1e3, result

def serve(prepare, say={}):
    """Answers what it is asked. `prepare` makes of each task what does it once and gives the milliseconds; `say` are words by name."""
    # Debian's torch without an optimized BLAS beside it: a fifth of the speed that its users have.
    if 'BLAS_INFO=generic' in torch.__config__.show() and not any(it in open('/proc/self/maps').read() for it in ('openblas', 'libblis', 'libmkl')):
        sys.exit('this PyTorch takes its products from the reference BLAS, which would be no fair peer: apt-get install libopenblas0-pthread')
    prepared = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if 'say' in request: answer = {'said': say[request['say']]()}
            else:
                task = request['task']
                if task not in prepared: prepared[task] = prepare[task]()
                answer = {'ms': [prepared[task]() for _ in range(request['times'])]}
        except Exception as error: answer = {'error': repr(error)}
        print('@answer ' + json.dumps(answer), flush=True)
