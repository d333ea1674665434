#!/usr/bin/env bash
# Forty-five minutes on one GPU: the compact generator and the paper's system, trained side by side on the same pairs.
#
#   docs/train_on_gpu.sh pack PAIRS RENDERED VAL WEIGHTS   writes gpu/, under 64 MiB, with ImageMagick
#   docs/train_on_gpu.sh train [MINUTES]                   trains both from gpu/ into runs/compact and runs/paper; the
#                                                          same command goes on where it stopped
#
# The paper's learning rates let the generator fool its discriminator with noise for the first thousands of steps
# (docs/experiments.md, section 18), so here the discriminator is quicker and counts less.
set -euo pipefail
cd "$(dirname "$0")/.."

pack() {
    mkdir -p gpu/real gpu/rendered gpu/val gpu/weights
    mogrify -path gpu/real -resize '76800@>' -quality 88 "$1"/*.jpg
    mogrify -path gpu/rendered -quality 72 "$2"/*a_flash.jpg "$2"/*a_ambient.jpg
    mogrify -path gpu/val -resize '76800@>' -quality 92 "$3"/*.jpg
    cp "$4"/efficientnet_lite0.safetensors "$4"/vgg16_features.safetensors gpu/weights/
    du -sh --apparent-size gpu
}

train() {
    local minutes=${1:-43}
    local common=(--train_data_dir gpu/rendered=0.85 'gpu/real/[!f]*=0.15' --validation_dir gpu/val
        --cache_dir runs/cache --max_train_minutes "$minutes" --checkpointing_steps 1000 --mixed_precision bf16
        --dataloader_num_workers 7 --resume_from_checkpoint latest)
    python train_accelerate.py "${common[@]}" --encoder_weights gpu/weights/efficientnet_lite0.safetensors \
        --upsampling bilinear_fine --encoder_dropout 0.1 --gradient_weight 1.0 --crop 0.7 1.0 --resolution 192 \
        --train_batch_size 32 --learning_rate 1e-3 --encoder_learning_rate 3e-4 --weight_decay 0.01 \
        --flash_stops 0.3 --ambient_in_flash 0.15 --max_train_steps 20000 --validation_steps 250 \
        --output_dir runs/compact >runs/compact.log 2>&1 &
    python train_accelerate.py --recipe paper "${common[@]}" \
        --encoder_weights gpu/weights/vgg16_features.safetensors --train_batch_size 16 --adversarial_weight 0.01 \
        --learning_rate 2e-4 --encoder_learning_rate 6e-5 --discriminator_learning_rate 2e-4 \
        --validation_steps 500 --output_dir runs/paper >runs/paper.log 2>&1
    wait
}

mkdir -p runs
"$@"
