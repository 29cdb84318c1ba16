{# Fail for each combination of `columns` that occurs more than once. This tests the grain of a model
   with a key of several columns. #}
{% test unique_together(model, columns) %}
select {{ columns | join(', ') }}, count(*) as occurrences
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
