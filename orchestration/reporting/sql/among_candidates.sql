client_id = any(array(select client_id from candidates))
