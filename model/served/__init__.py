"""The engine behind any OpenAI-compatible server: vLLM, SGLang, llama.cpp's server, Ollama and others."""
