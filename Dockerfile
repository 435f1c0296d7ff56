# The base is any image with Python 3.11 or newer. Three ways to get torch:
#   CPU, the smallest: --build-arg PIP_EXTRA_INDEX_URL=<the CPU index that PyTorch's installation page names>
#   CUDA from PyPI:    the default; the wheels bring CUDA, the host its driver and NVIDIA's container toolkit
#   CUDA in the base:  --build-arg BASE_IMAGE=<one with torch> --build-arg TORCH_SPEC="torch>=2.11"
#                      (a torch in the base that satisfies TORCH_SPEC is used as it is)
ARG BASE_IMAGE=python:3.11-slim

FROM ${BASE_IMAGE} AS wheel
WORKDIR /source
COPY . .
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .


# torch as it is needed at run time: without C++ headers, tests, the symbols that only a linker or a debugger reads, and
# bytecode, of which the service needs a tenth. TORCH_SPEC takes the place of the pin in constraints.txt.
FROM ${BASE_IMAGE} AS torch
# hadolint ignore=DL3008
RUN command -v strip || { apt-get update && apt-get install -y --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*; }
RUN python -m venv --system-site-packages --without-pip /opt/venv
ENV PATH=/opt/venv/bin:${PATH}
ARG TORCH_SPEC="torch==2.13.0"
ARG PIP_EXTRA_INDEX_URL
COPY constraints.txt /opt/constraints.txt
RUN sed -i "s/^torch==.*/${TORCH_SPEC}/" /opt/constraints.txt \
 && python -m pip install --no-cache-dir --no-compile --constraint /opt/constraints.txt torch \
 && for torch in /opt/venv/lib/python3*/site-packages/torch; do \
        [ -d "$torch" ] || continue; \
        rm -rf "$torch/include" "$torch/test"; \
        find "$torch/bin" -type f ! -name torch_shm_manager -delete; \
        find "$torch/lib" -name '*.so*' -type f -exec strip --strip-unneeded {} +; \
    done


FROM ${BASE_IMAGE}
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent chainrule
ENV PATH=/opt/venv/bin:${PATH}

# A layer of its own, since torch is most of the image and rarely changes.
COPY --from=torch /opt /opt

# What of the package is installed: `--build-arg EXTRAS=service,telemetry` adds OpenTelemetry.
ARG EXTRAS=service

# What runs here proves that the service loads and computes, and leaves the bytecode that a read-only root could not
# write: that of the base's modules too, and of those that are only loaded when needed.
COPY --from=wheel /wheels /opt/chainrule
RUN python -m pip install --no-cache-dir --no-compile --constraint /opt/constraints.txt \
        "$(echo /opt/chainrule/*.whl)[${EXTRAS}]" \
 && python -c "from chainrule.api import app; app.health.warm_up(app.calls); import chainrule.api.server" \
 && chainrule --help >/dev/null \
 && python -m compileall -q /opt/venv/lib/python3*/site-packages/chainrule*

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CHAINRULE_HOST=0.0.0.0 \
    CHAINRULE_PORT=8000 \
    CHAINRULE_THREADS=1

USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['CHAINRULE_PORT']), timeout=2); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]
CMD ["chainrule", "serve"]
