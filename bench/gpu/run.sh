#!/bin/sh
# Unpacks what lies here, finds a Vulkan driver, and measures. All arguments are for the measurement: ./run.sh --help
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"

# Where nothing can be written the unpacked files go to a folder of their own.
if ! touch .writable 2>/dev/null; then
  there=$(mktemp -d)
  cp -r . "$there"
  cd "$there"
fi
rm -f .writable
for packed in $(find . -name '*.gz'); do
  unpacked=${packed%.gz}
  [ -e "$unpacked" ] || gzip -dc "$packed" > "$unpacked"
done
chmod +x node

# Whether the linker would find a library.
has() {
  ldconfig -p 2>/dev/null | grep -q "$1" && return 0
  for folder in $(echo "${LD_LIBRARY_PATH:-}" | tr : ' '); do
    [ -e "$folder/$1" ] && return 0
  done
  return 1
}

# Libraries that are carried along come after the system's own: only those that are missing are found here.
if [ -d debs ] && command -v dpkg-deb > /dev/null; then
  [ -d lib ] || { mkdir lib && for deb in debs/*.deb; do dpkg-deb -x "$deb" lib; done; }
  carried=
  for folder in $(find "$PWD/lib" -name '*.so*' -exec dirname {} \; | sort -u); do carried="$carried:$folder"; done
  system=$(ldconfig -p 2>/dev/null | sed -n 's/.*=> \(.*\)\/[^/]*$/\1/p' | sort -u | tr '\n' ':')
  has libvulkan.so.1 && has libX11.so.6 || export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}${system%:}$carried"
fi

# An NVIDIA driver in a container often comes without the file that tells the loader of it.
if [ -z "${VK_ICD_FILENAMES:-}" ] && ! ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json > /dev/null 2>&1; then
  for library in libGLX_nvidia.so.0 libEGL_nvidia.so.0; do
    if has "$library"; then
      printf '{ "file_format_version": "1.0.0", "ICD": { "library_path": "%s", "api_version": "1.3.0" } }\n' "$library" > icd.json
      export VK_ICD_FILENAMES="$PWD/icd.json"
      break
    fi
  done
fi

{
  echo "loader: $(has libvulkan.so.1 && echo there || echo 'MISSING: libvulkan.so.1 (pack with --debs, or install libvulkan1)')"
  echo "drivers: ${VK_ICD_FILENAMES:-$(ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json 2>/dev/null | tr '\n' ' ')}"
  if command -v nvidia-smi > /dev/null; then
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
    has libGLX_nvidia.so.0 || echo "NVIDIA's driver is here without its graphics libraries: NVIDIA_DRIVER_CAPABILITIES=all gives a container them"
  fi
} >&2

results=${OUT:-$here/results}
mkdir -p "$results" 2>/dev/null || results=$PWD/results
export PURE_ELECTRA_GPU_BENCH="{\"fixture\": \"$PWD/electra_a.safetensors\", \"script\": \"$PWD/step.py\", \"out\": \"$results\"}"
exec ./node --max-old-space-size=16000 main.mjs "$@"
