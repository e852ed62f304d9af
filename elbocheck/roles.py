"""The roles that an argument of a loss can play, and the documented table of names that stand for them."""

from __future__ import annotations

import re
from difflib import get_close_matches
from enum import StrEnum

from elbocheck.errors import UsageError

Key = str | int
"""An argument: its name, or its position where the loss takes `*args`."""


class Role(StrEnum):
    """What an argument of a loss means."""

    X = "x"
    PREDICTION = "prediction"
    LOC = "loc"
    LOGITS = "logits"
    PROBS = "probs"
    SCALE = "scale"
    LOG_SCALE = "log_scale"
    VAR = "var"
    LOG_VAR = "log_var"
    DELTA = "delta"
    MIXTURE = "mixture_weights"
    TOTAL_COUNT = "total_count"
    DF = "df"
    CONCENTRATION = "concentration"
    CONCENTRATION0 = "concentration0"
    Q_LOC = "q_loc"
    Q_SCALE = "q_scale"
    Q_LOG_SCALE = "q_log_scale"
    Q_VAR = "q_var"
    Q_LOG_VAR = "q_log_var"
    Q_RAW_SCALE = "q_raw_scale"
    Q_LOGITS = "q_logits"
    Q_PROBS = "q_probs"
    Q_CONCENTRATION = "q_concentration"
    Q_RATE = "q_rate"
    Q_KAPPA = "q_kappa"
    P_LOC = "p_loc"
    P_SCALE = "p_scale"
    P_LOG_SCALE = "p_log_scale"
    P_VAR = "p_var"
    P_LOG_VAR = "p_log_var"
    Z = "z"
    EPS = "eps"
    P_Z = "p_z"
    MODEL = "model"
    TRAINING = "training"
    STEP = "step"
    SEED = "seed"


STATES = frozenset({Role.TRAINING, Role.STEP, Role.SEED})
"""What a loss is told besides its tensors: kept at a value while the model is read, varied by checks of their own."""
PREDICTIONS = frozenset({Role.PREDICTION, Role.LOC, Role.LOGITS, Role.PROBS})
LIKELIHOOD_SCALES = frozenset({Role.SCALE, Role.LOG_SCALE, Role.VAR, Role.LOG_VAR})
LIKELIHOOD_SHAPES = frozenset({Role.TOTAL_COUNT, Role.DF, Role.CONCENTRATION, Role.CONCENTRATION0})
POSTERIOR_SCALES = frozenset({Role.Q_SCALE, Role.Q_LOG_SCALE, Role.Q_VAR, Role.Q_LOG_VAR, Role.Q_RAW_SCALE})
CATEGORICAL = frozenset({Role.Q_LOGITS, Role.Q_PROBS})
PRIOR_SCALES = frozenset({Role.P_SCALE, Role.P_LOG_SCALE, Role.P_VAR, Role.P_LOG_VAR})
POSITIVE = frozenset({Role.SCALE, Role.VAR, Role.Q_SCALE, Role.Q_VAR, Role.P_SCALE, Role.P_VAR, Role.DELTA}) | {
    Role.Q_CONCENTRATION,
    Role.Q_RATE,
    Role.Q_KAPPA,
    *LIKELIHOOD_SHAPES,
}

LIKELIHOOD_TWIN = {
    Role.Q_LOC: Role.PREDICTION,
    Role.Q_SCALE: Role.SCALE,
    Role.Q_LOG_SCALE: Role.LOG_SCALE,
    Role.Q_VAR: Role.VAR,
    Role.Q_LOG_VAR: Role.LOG_VAR,
}
"""What a posterior's parameter is when it belongs to the decoder."""

_NAMES: dict[Role, str] = {
    Role.X: "x xs x_true y_true target targets data batch image images img imgs obs observation observations "
    "original true gt real x_in x_input x_orig ground_truth x_target label labels inputs input sample_x pixels y "
    "observed counts count",
    Role.PREDICTION: "prediction predictions pred preds y_pred x_pred recon_x x_recon recon recons recon_batch "
    "x_rec reconstruction reconstructions reconstructed reconstructed_x x_reconstructed x_hat xhat x_tilde x_prime "
    "x_out out output outputs decoded x_decoded x_decoded_mean decoder_output decoder_out dec_out generated rec "
    "x_reconst reconst recon_image recon_images x_dec dec rec_x outputs_recon reconstructed_image "
    "reconstructed_images input_recon yhat y_hat x_reconstruction recon_data decoding model_output log_predictions rate log_rate "
    "log_input logp log_p lam log_lam lambda_x rates log_rates x_rate x_log_rate px_rate dec_rate recon_rate "
    "concentration1 x_concentration1",
    Role.LOC: "x_loc x_mu x_mean mu_x mean_x dec_mu dec_mean px_loc loc_x recon_mu recon_mean p_x_mean mu_dec "
    "decoder_mu x_mus means_x dec_loc recon_loc",
    Role.LOGITS: "logits x_logits logit x_logit recon_logits logits_x decoder_logits recon_x_logits dec_logits "
    "y_logits",
    Role.PROBS: "probs x_probs prob p probabilities dec_probs recon_probs px_probs y_prob y_probs probability x_prob",
    Role.SCALE: "x_scale x_b x_sigma x_std sigma_x dec_sigma dec_std px_scale dec_scale recon_std recon_sigma scale_x "
    "std_x out_std out_sigma out_scale obs_std obs_sigma obs_scale decoder_std decoder_scale",
    Role.LOG_SCALE: "x_log_scale x_log_b x_log_std x_log_sigma log_sigma_x dec_log_sigma dec_log_std recon_log_std "
    "log_scale_x dec_log_scale logsigma_x recon_log_scale x_logsigma x_logstd out_log_std out_log_scale out_logstd "
    "out_log_sigma obs_log_std obs_log_scale obs_log_sigma decoder_log_std decoder_log_scale",
    Role.VAR: "x_var var_x dec_var recon_var px_var",
    Role.LOG_VAR: "x_log_var x_logvar logvar_x log_var_x dec_logvar dec_log_var recon_logvar recon_log_var "
    "px_logvar decoder_logvar decoder_log_var logvar_dec log_var_dec out_logvar out_log_var output_logvar obs_logvar "
    "obs_log_var rec_logvar rec_log_var likelihood_logvar logvar_out",
    Role.DELTA: "delta huber_delta learned_delta",
    Role.MIXTURE: "mixture_weights mixture_logits mixture_probs mix_logits mix_weights mix_probs mixing_logits "
    "mixing_weights mixing_coefficients pi pis log_pi logpi pi_logits logit_pi logits_pi logit_probs logmix log_mix mdn_pi",
    Role.TOTAL_COUNT: "total_count total_counts x_total_count n_trials theta px_r px_theta x_theta dispersion "
    "inverse_dispersion px_dispersion",
    Role.DF: "df x_df px_df dof degrees_of_freedom",
    Role.CONCENTRATION: "concentration x_concentration px_concentration dec_concentration",
    Role.CONCENTRATION0: "concentration0 x_concentration0",
    Role.Q_LOC: "q_loc mu mus mean means z_mean z_mu mu_z mean_z q_mu q_mean m loc latent_mean latent_mu enc_mu "
    "enc_mean z_loc qz_loc qz_mean locs posterior_mean mu_q mean_q qz_m q_m zm encoder_mean z_means encoder_mu code_mean",
    Role.Q_SCALE: "q_scale sigma sigmas std stds stddev sd scale scales z_std z_sigma z_scale sigma_z std_z q_std q_sigma "
    "latent_std enc_std qz_scale stdev z_stddev sd_z z_sd",
    Role.Q_LOG_SCALE: "q_log_scale log_sigma log_std logstd logsigma log_sd log_stddev z_log_std z_log_sigma "
    "z_logstd log_scale log_scales log_sigmas log_stds log_sigma_z log_std_z z_logsigma ln_sigma logscale q_log_std enc_log_std",
    Role.Q_VAR: "q_var var vars variance z_var sigma2 sigma_sq qz_v q_v zv z_variance sigma_squared q_variance",
    Role.Q_LOG_VAR: "q_log_var logvar log_var logvars log_vars log_variance z_log_var z_logvar z_log_variance lv "
    "log_sigma2 logsigma2 log_sigma_sq log_var_z logvar_z q_logvar log_sigma_squared latent_logvar latent_log_var "
    "enc_logvar enc_log_var encoder_log_var posterior_logvar log_sigma_2 lnvar z_log_sigma_sq logs2 logvariance "
    "log_v logv q_logv",
    Role.Q_RAW_SCALE: "q_raw_scale rho z_rho q_rho raw_scale raw_std raw_sigma raw_stddev pre_scale pre_std pre_sigma "
    "pre_stddev scale_raw std_raw sigma_raw z_raw_scale z_raw_std unconstrained_scale unconstrained_std",
    Role.Q_LOGITS: "q_logits z_logits qz_logits logits_z latent_logits logits_q q_y_logits qy_logits posterior_logits "
    "enc_logits encoder_logits code_logits cat_logits logits_y",
    Role.Q_PROBS: "q_probs qy q_y z_probs qz_probs probs_z probs_q latent_probs posterior_probs class_probs code_probs",
    Role.Q_CONCENTRATION: "q_concentration z_concentration posterior_concentration enc_concentration q_alpha",
    Role.Q_RATE: "q_rate z_rate posterior_rate enc_rate",
    Role.Q_KAPPA: "q_kappa kappa kappas z_kappa kappa_z kappa_q qz_kappa posterior_kappa enc_kappa encoder_kappa "
    "latent_kappa vmf_kappa",
    Role.P_LOC: "p_loc prior_mu prior_mean p_mu p_mean prior_loc mu_prior mean_prior mu_p mean_p pz_mean prior_mus",
    Role.P_SCALE: "p_scale prior_std prior_sigma prior_scale p_std p_sigma std_prior sigma_prior sigma_p std_p",
    Role.P_LOG_SCALE: "p_log_scale prior_log_std prior_log_sigma prior_logstd p_log_std prior_log_scale prior_logsigma",
    Role.P_VAR: "p_var prior_var prior_variance var_prior",
    Role.P_LOG_VAR: "p_log_var prior_logvar prior_log_var p_logvar logvar_prior log_var_prior logvar_p log_var_p "
    "pz_logvar",
    Role.Z: "z z_sample zs latent latents z_samples sampled_z z_q code latent_sample",
    Role.EPS: "eps epsilon noise epsilons eps_z z_eps z_noise standard_noise",
    Role.MODEL: "model vae net network autoencoder ae cvae vae_model vae_net beta_vae mlp module nn_model self",
    Role.P_Z: "p_z prior_sample prior_samples prior_z z_prior samples_prior true_samples z_true sampled_prior",
}
NAMES: dict[str, Role] = {name: role for role, names in _NAMES.items() for name in names.split()}
"""The documented table: an argument's name in lower case, without leading or trailing underscores."""

_STATE_NAMES: dict[Role, str] = {
    Role.TRAINING: "training train is_training is_train train_mode training_mode in_training is_eval eval_mode "
    "evaluate evaluating validation is_validation inference deterministic",
    Role.STEP: "step steps global_step current_step cur_step step_num step_idx train_step iteration iter it itr "
    "current_iter num_iter n_iter iterations epoch current_epoch cur_epoch epoch_num epoch_idx i_epoch n_epoch "
    "batch_idx batch_index batch_nb",
    Role.SEED: "seed rng_seed random_seed random_state rng key z_rng rng_key prng_key z_key eps_key noise_key noise_rng "
    "sample_key sample_rng random_key subkey prng",
}
STATE_NAMES: dict[str, Role] = {name: role for role, names in _STATE_NAMES.items() for name in names.split()}
"""The same for what is no tensor: the mode, the step of a schedule, the seed of the noise."""

WEIGHTS = frozenset(
    [
        "beta",
        "kl_weight",
        "m_n",
        "kld_weight",
        "weight_kl",
        "kl_beta",
        "kl_coef",
        "kl_coeff",
        "gamma",
        "w",
        "kl_w",
        "kl_lambda",
        "lambda_kl",
        "anneal",
        "annealing_factor",
        "kl_factor",
        "kl_scale",
        "kl_anneal",
        "warmup",
        "beta_kl",
        "c_kl",
        "alpha_kl",
        "capacity",
        "kl_capacity",
        "kl_target",
        "target_kl",
    ]
)
"""Arguments that weigh a term, or the KL that one is pulled to: 1 where the loss gives no default, and said so."""


_VARIABLES = (
    "params state variables model_state net_state batch_stats vae_params model_params new_state updates mutated"
)
VARIABLES = frozenset(_VARIABLES.split())
"""Names of what a model of JAX has learned or counted, which it takes and returns; nothing of it is read here."""


def parse_role(text: str) -> Role:
    """Return the role called `text`, or raise UsageError with the closest match."""
    try:
        return Role(text)
    except ValueError:
        near = get_close_matches(text, [r.value for r in Role], n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(
            f"unknown role {text!r}: {hint}roles are {', '.join(Role)}; a fixed value goes with --set NAME=VALUE"
        ) from None


def spelled(name: str) -> str:
    """Return a name as the table spells it: snake case, lower, no underscores at the ends."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return snake.lower().strip("_")
