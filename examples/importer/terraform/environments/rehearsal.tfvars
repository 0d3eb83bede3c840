greeting   = "Ahoy"
throw_away = true
