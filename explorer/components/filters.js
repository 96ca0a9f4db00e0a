// From logits to the probabilities that are drawn from: the same order and meaning as
// gpt.filters.filter_stages. Pure functions, no drawing.

// Ids by falling logit, ties by id: no filter changes this order.
function fallingOrder(logits) {
  return Uint32Array.from(logits, (_, id) => id).sort((a, b) => logits[b] - logits[a] || a - b);
}

function softmax(logits, temperature, largest) {
  const out = new Float64Array(logits.length);
  let sum = 0;
  for (let id = 0; id < out.length; id += 1) {
    out[id] = Math.exp((logits[id] - largest) / temperature);
    sum += out[id];
  }
  for (let id = 0; id < out.length; id += 1) out[id] /= sum;
  return out;
}

function keepFirst(probabilities, order, count) {
  // Zero outside the first `count` of the order, then renormalise.
  const out = new Float64Array(probabilities.length);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) sum += probabilities[order[rank]];
  for (let rank = 0; rank < count; rank += 1) out[order[rank]] = probabilities[order[rank]] / sum;
  return out;
}

// Temperature (0: the most probable token takes all), then top-k, then top-p; null is off.
// `kept`: how many tokens, in falling order, each stage leaves; the stages hold probabilities.
function filterStages(logits, { temperature, top_k, top_p }, order = fallingOrder(logits)) {
  const size = logits.length;
  const largest = logits[order[0]];
  const raw = softmax(logits, 1, largest);
  let tempered;
  const kept = { temperature: size, top_k: size, top_p: size };
  if (temperature === 0) {
    tempered = new Float64Array(size);
    tempered[order[0]] = 1;
    kept.temperature = 1;
  } else {
    tempered = softmax(logits, temperature, largest);
  }
  kept.top_k = Math.min(kept.temperature, top_k ?? size);
  const afterK = keepFirst(tempered, order, kept.top_k);
  kept.top_p = kept.top_k;
  if (top_p !== null && top_p < 1) {
    let before = 0;
    let rank = 0;
    while (rank < kept.top_k && (rank === 0 || before < top_p)) before += afterK[order[rank++]];
    kept.top_p = rank;
  }
  return { raw, tempered, top_k: afterK, top_p: keepFirst(afterK, order, kept.top_p), kept };
}

// The filter that removed the token of this rank, in words; null: it is kept.
function removedBy(kept, rank) {
  if (rank >= kept.temperature) return say("temperature 0 (greedy)");
  if (rank >= kept.top_k) return "top-k";
  return rank >= kept.top_p ? "top-p" : null;
}
