# The page in a container: docker build -t f2a . && docker run --rm -p 7860:7860 f2a
# Not built yet: without a Docker engine, the steps were run one by one (docs/install.md, Container).
FROM python:3.12-slim

RUN useradd --create-home f2a
WORKDIR /home/f2a/clone
COPY pyproject.toml README.md LICENSE requirements.lock ./
COPY f2a f2a
# PyTorch's own index has a wheel without CUDA, which is 3 GB smaller than PyPI's.
RUN pip install --no-cache-dir torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir -c requirements.lock ".[page,mcp,heic]"

USER f2a
WORKDIR /home/f2a
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:7860/health', timeout=4)"]
CMD ["f2a", "serve", "--host", "0.0.0.0", "--port", "7860"]
