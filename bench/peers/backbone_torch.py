"""BlenderBot-small, plain and Joint, as family_torch.py times it: Joint is told by its added_tokens.json, and begins with what it says of the strategies."""
import json, os, sys
import torch
from bart_torch import config, cross_keys, decode, encode
START, END = config['decoder_start_token_id'], config['eos_token_id']
added = f'{sys.argv[1]}/added_tokens.json'
FIRST = min(json.load(open(added)).values()) if os.path.exists(added) else None

def start(ids):
    """What the decoder attends to, and what it keeps of the reply."""
    cross = cross_keys(encode(torch.tensor([ids])))
    if FIRST is not None: torch.softmax(decode(torch.tensor([[START]]), cross, None, 0)[0][0, -1, FIRST:FIRST + 8], -1)
    return {'cross': cross, 'past': None}

def step(state, token, position):
    logits, state['past'] = decode(torch.tensor([[token]]), state['cross'], state['past'], position)
    return logits[0, -1]
