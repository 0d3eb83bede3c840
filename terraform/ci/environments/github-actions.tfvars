repository   = "slipway-ci/slipway"
environments = ["dev", "prod"]
