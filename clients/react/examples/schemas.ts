/** Made by `python -m app types`. */

export type Priority = "low" | "normal" | "high" | "urgent";
export type Ideas = Idea[];
export type IdeasPartial = PartialIdea[];
export type Movies = MovieRecommendation[];
export type MoviesPartial = PartialMovieRecommendation[];
export type Recipes = Recipe[];
export type RecipesPartial = PartialRecipe[];

export interface Schemas {
  briefs: {
    parameters: BriefsParameters;
    result: Briefs;
    partial: BriefsPartial;
  };
  ideas: {
    parameters: IdeasParameters;
    result: Ideas;
    partial: IdeasPartial;
  };
  movies: {
    parameters: MoviesParameters;
    result: Movies;
    partial: MoviesPartial;
  };
  recipes: {
    parameters: RecipesParameters;
    result: Recipes;
    partial: RecipesPartial;
  };
}
export interface BriefsParameters {
  topic: string;
}
export interface Briefs {
  title: string;
  summary: string;
  priority: Priority;
  status: "draft" | "ready";
  due: string;
  /**
   * In euros.
   */
  budget: string;
  confidential: boolean;
  owner: Owner;
  sections: Section[];
  highlight: Figure | Quotation;
  open_question?: string | null;
  language?: string;
}
export interface Owner {
  name: string;
  role: string;
  full_time: boolean;
}
export interface Section {
  heading: string;
  body: string;
  sources: Source[];
}
export interface Source {
  title: string;
  url: string;
  kind: "article" | "book" | "paper" | "website";
}
export interface Figure {
  kind: "figure";
  label: string;
  value: string;
}
export interface Quotation {
  kind: "quotation";
  text: string;
  speaker: string;
}
export interface BriefsPartial {
  title: string | null;
  summary: string | null;
  priority: Priority | null;
  status: ("draft" | "ready") | null;
  due: string | null;
  budget: string | null;
  confidential: boolean | null;
  owner: PartialOwner;
  sections: PartialSection[];
  highlight: PartialFigure | PartialQuotation | null;
  open_question: string | null;
  language: string | null;
}
export interface PartialOwner {
  name: string | null;
  role: string | null;
  full_time: boolean | null;
}
export interface PartialSection {
  heading: string;
  body: string | null;
  sources: PartialSource[];
}
export interface PartialSource {
  title: string | null;
  url: string | null;
  kind: ("article" | "book" | "paper" | "website") | null;
}
export interface PartialFigure {
  kind: "figure" | null;
  label: string | null;
  value: string | null;
}
export interface PartialQuotation {
  kind: "quotation" | null;
  text: string | null;
  speaker: string | null;
}
export interface IdeasParameters {
  topic: string;
  count?: number;
}
export interface Idea {
  title: string;
  /**
   * One or two sentences, at most 140 characters.
   */
  blurb: string;
}
export interface PartialIdea {
  title: string | null;
  blurb: string | null;
}
export interface MoviesParameters {
  topic: string;
  count?: number;
  genre?: string | null;
}
export interface MovieRecommendation {
  title: string;
  /**
   * The year of the first release.
   */
  year: number;
  /**
   * Why it fits, in one or two sentences that give nothing away.
   */
  reason: string;
}
export interface PartialMovieRecommendation {
  title: string | null;
  year: number | null;
  reason: string | null;
}
export interface RecipesParameters {
  topic: string;
  count?: number;
}
export interface Recipe {
  name: string;
  /**
   * From start to plate.
   */
  prep_time_minutes: number;
  /**
   * One a line, with its amount.
   */
  ingredients: string[];
  instructions: string;
}
export interface PartialRecipe {
  name: string | null;
  prep_time_minutes: number | null;
  ingredients: string[];
  instructions: string | null;
}
