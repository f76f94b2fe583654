/* SPDX-License-Identifier: MIT */
/* Keys, as what the engine loads for a recipe: nothing else is asked. */
#include "agent/tpm_steps.h"

static const struct tpm_step no_steps[] = {{NULL, NULL, false}};

const struct tpm_recipe tpm_recipe_public = {
    .name = "public",
    .keys = {TPM_KEY_OF_INDEX},
    .steps = no_steps,
};

const struct tpm_recipe tpm_recipe_credential_params = {
    .name = "credential_params",
    .keys = {TPM2_EK_HANDLE, TPM_KEY_OF_INDEX},
    .steps = no_steps,
};
