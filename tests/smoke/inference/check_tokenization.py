"""Both kinds of tokenizers work: Hugging Face's own, and SentencePiece models."""

import io

import sentencepiece
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.trainers import BpeTrainer

TEXT = ["images are built once and run everywhere", "tokens are made of words, words of letters"]

tokenizer = Tokenizer(BPE(unk_token="[UNK]"))
tokenizer.pre_tokenizer = Whitespace()
tokenizer.train_from_iterator(TEXT, BpeTrainer(special_tokens=["[UNK]"], vocab_size=80))
encoded = tokenizer.encode("words are built")
assert "[UNK]" not in encoded.tokens, encoded.tokens

model = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(TEXT * 20),
    model_writer=model,
    vocab_size=40,
    hard_vocab_limit=False,
    minloglevel=2,
)
processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
assert processor.decode(processor.encode("words are built")) == "words are built"
print(
    f"{len(encoded.tokens)} tokens of one kind, {len(processor.encode('words are built'))} of the other"
)
