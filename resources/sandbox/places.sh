# places: the cheap part of the check-up, for programs that begin something
bounded 90 look_places
part end
