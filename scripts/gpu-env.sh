# A software WebGPU adapter for Node, and tests that insist on it. Source it: . scripts/gpu-env.sh
#
# Debian: apt-get install -y chromium libvulkan1. The adapter is SwiftShader, which comes with Chromium; the browser tests
# use the same package.
export VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json
export PURE_ELECTRA_REQUIRE_GPU=1
