"""Starts `transformers serve` for one folder of weights behind a Unix socket: serve.py SETTINGS, a file in JSON."""

import asyncio
import json
import os
import sys
import threading
from pathlib import Path

import transformers
import uvicorn
from fastapi import HTTPException
from transformers.cli.serve import Serve
from transformers.cli.serving.model_manager import ModelManager
from transformers.cli.serving.utils import GenerateManager

from door import ENDLESS, OWN_NAME, Door


def main(settings):
    folder = Path(settings["model"])
    if not any(folder.glob("*.safetensors")):
        sys.exit(f"Error: no safetensors in {folder}: other formats of weights can run code when they are read")
    # The server knows the model by this path, and its answers name it.
    os.chdir(folder)
    listen_on_socket(settings)
    keep_to_context(settings["context"])
    if settings["device"] != "cpu":
        refuse_offloading()
    Serve(force_model=OWN_NAME, device=settings["device"], dtype=settings["dtype"], log_level="error")


def listen_on_socket(settings):
    """The command line knows host and port alone; uvicorn, which it runs, knows sockets."""

    class SocketConfig(uvicorn.Config):
        def __init__(self, app, **_):
            super().__init__(
                Door(app, settings["name"], settings["queue"], transformers.__version__),
                uds=settings["socket"],
                # nginx writes the access log.
                access_log=False,
                log_level="warning",
                timeout_graceful_shutdown=settings["drain"],
                # Longer than nginx keeps its idle connections to the engine (60 s), so that none ends under a request.
                timeout_keep_alive=75,
            )

    uvicorn.Config = SocketConfig


def keep_to_context(context):
    """The server has no limit: a prompt that is longer than the context is refused, an answer ends with it.

    And it would go on for a client that does not stream and has hung up.
    """
    stream = GenerateManager.generate_streaming

    def limit(inputs, generation):
        prompt = inputs["input_ids"].shape[-1]
        if prompt >= context:
            raise HTTPException(400, f"The prompt has {prompt} tokens, and the model's context is {context}.")
        generation.max_new_tokens = max(1, min(generation.max_new_tokens, context - prompt))
        if ENDLESS.get():
            generation.min_new_tokens = generation.max_new_tokens

    def generate_streaming(self, model, processor, inputs, gen_config, **more):
        limit(inputs, gen_config)
        return stream(self, model, processor, inputs, gen_config, **more)

    async def generate_non_streaming(self, model, processor, inputs, gen_config, request_id):
        limit(inputs, gen_config)
        stopped = threading.Event()
        options = {**inputs, "generation_config": gen_config, "tokenizer": processor}
        options["stopping_criteria"] = [lambda ids, scores, **_: stopped.is_set()]
        running = self.async_submit(model.generate, **options)
        try:
            sequences = await asyncio.shield(running)
        finally:
            stopped.set()
        length = inputs["input_ids"].shape[-1]
        generated = sequences[0, length:]
        return processor.decode(generated, skip_special_tokens=True), length, generated

    GenerateManager.generate_streaming = generate_streaming
    GenerateManager.generate_non_streaming = generate_non_streaming


def refuse_offloading():
    """What does not fit on the GPUs would be put into the host's memory without a word, and answer a word a second."""
    load = ModelManager._load_model

    def load_whole(self, *arguments, **options):
        model = load(self, *arguments, **options)
        places = {str(place) for place in getattr(model, "hf_device_map", {"": "cuda"}).values()}
        if places & {"cpu", "disk"}:
            sys.exit("Error: the model does not fit on the GPUs, a part of it would be computed on the CPU")
        return model

    ModelManager._load_model = load_whole


main(json.loads(Path(sys.argv[1]).read_text()))
