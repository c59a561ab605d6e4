"""The style sheet of the comparison report, part of the page itself."""

from __future__ import annotations

STYLE = """
:root{--bg:#fbfbf9;--card:#fff;--ink:#1d1f23;--soft:#5d636d;--line:#dfe1e5;--a:#8b94a5;
--b:#2a62c9;--base:#c9cdd4;--good:#17744a;--bad:#b23327;--goodbg:#e7f4ec;--holdbg:#fdf1dc;
--hold:#7d5208;--markbg:#fbe3df}
@media(prefers-color-scheme:dark){:root{--bg:#14161a;--card:#1b1e23;--ink:#e7e8ea;--soft:#a0a6b0;
--line:#31363e;--a:#7f899a;--b:#77a5ff;--base:#434a55;--good:#55c88f;--bad:#ff8c7d;
--goodbg:#15301f;--holdbg:#33270f;--hold:#f0c26b;--markbg:#4a231e}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 3rem}
h1{font-size:1.7rem;line-height:1.2;margin:.1rem 0 1rem;overflow-wrap:anywhere;font-weight:650}
h1 span{color:var(--soft);font-weight:400}
h2{font-size:1rem;margin:0 0 .6rem;font-weight:650}
h3{font-size:.9rem;margin:0 0 .3rem;font-weight:600;color:var(--soft);overflow-wrap:anywhere}
section{margin-top:2.2rem}section h2:not(:first-child){margin-top:1.8rem}
.kicker,.note,figcaption,.about,footer{color:var(--soft);font-size:.86rem}
.kicker{margin:0}
.verdict{margin:0 0 1.2rem;padding:.7rem .9rem;border-radius:6px;overflow-wrap:anywhere}
.pass{background:var(--goodbg);color:var(--good)}.hold{background:var(--holdbg);color:var(--hold)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:1rem 1.5rem;
margin:0}
.figures dt{color:var(--soft);font-size:.86rem;overflow-wrap:anywhere}
.figures dd{margin:0;font-size:1.7rem;line-height:1.25;font-weight:600;
font-variant-numeric:tabular-nums}
.figures p{margin:0;color:var(--soft);font-size:.86rem}
.good{color:var(--good)}.bad{color:var(--bad)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));gap:1.2rem}
figure{margin:0;padding:1rem 1.1rem;background:var(--card);border:1px solid var(--line);
border-radius:8px}
figcaption{margin-top:.4rem}figcaption+h2{margin-top:1.4rem}
.wide{grid-column:1/-1}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));
gap:0 2.2rem}
code{font:.92em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
svg{display:block;width:100%;height:auto;max-width:28rem;overflow:visible}
svg text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--ink);
font-variant-numeric:tabular-nums}
svg .note{fill:var(--soft);font-size:12px}.end{text-anchor:end}.middle{text-anchor:middle}
svg .value{font-weight:600}
.bar.a{fill:var(--a)}.bar.b{fill:var(--b)}.bar.base{fill:var(--base)}
.bar.good{fill:var(--good)}.bar.bad{fill:var(--bad)}
.whisker{stroke:var(--ink);stroke-width:1.5}.zero{stroke:var(--soft);stroke-width:1}
.span{stroke:var(--b);stroke-width:3;stroke-linecap:round}.track{stroke:var(--line)}
.move{stroke:var(--soft);stroke-width:2}.good-side{fill:var(--goodbg)}
.dot{stroke:var(--card);stroke-width:1.5}.dot.a{fill:var(--a)}.dot.b{fill:var(--b)}
.key{white-space:nowrap}
.key::before{content:"";display:inline-block;width:.65em;height:.65em;border-radius:50%;
margin-right:.35em;background:var(--a)}.key.b::before{background:var(--b)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{padding:.3rem .6rem .3rem 0;text-align:left;border-bottom:1px solid var(--line)}
thead th{color:var(--soft);font-weight:500;font-size:.82rem}
tbody th{font-weight:500}
.number{font-variant-numeric:tabular-nums}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));
gap:1.4rem 2.5rem}
.none{color:var(--soft)}
.rows{list-style:none;margin:0;padding:0;display:grid;gap:.8rem}
.rows li{background:var(--card);border:1px solid var(--line);border-radius:8px;
padding:.7rem 1rem}
.about{margin:0 0 .35rem;overflow-wrap:anywhere}.about b{color:var(--ink);font-weight:600}
.rows dl{display:grid;grid-template-columns:minmax(5rem,auto) 1fr;gap:.15rem 1rem;margin:0}
.rows dt{color:var(--soft);font-size:.86rem;overflow-wrap:anywhere}
.rows dd{margin:0;overflow-wrap:anywhere}
mark,ins,del{padding:0 .15em;border-radius:3px;color:inherit}
mark{background:var(--markbg)}
ins{background:var(--markbg);text-decoration:underline;text-underline-offset:2px}
del{color:var(--bad);text-decoration:line-through}
footer{margin-top:2.5rem;padding-top:1rem;border-top:1px solid var(--line)}
footer dl{display:grid;grid-template-columns:auto 1fr;gap:.1rem 1rem;margin:0}
footer dd{margin:0;overflow-wrap:anywhere}
@media(max-width:34rem){main{padding:1.2rem .8rem 2rem}figure,.rows li{padding:.8rem}
h1{font-size:1.35rem}
.rows dl{grid-template-columns:1fr}.rows dd{margin-bottom:.3rem}
.figures{grid-template-columns:1fr 1fr}}
@media print{figure,.rows li{break-inside:avoid}}
"""
